/** What a rate limit means, over every store (docs/configuration.md#what-a-limit-means). Run by `rate-limits.test.ts`. */
import fc from 'fast-check';
import type { Refusal } from '../../src/verify/refusal.js';
import type { RateLimit } from '../../src/verify/snapshot.js';
import type { Reservation } from '../../src/verify/effects.js';
import { until } from '../support/until.js';

/** Limits without reservations, and a clock that the test moves. */
export interface LimitsUnderTest {
  reserve(limit: RateLimit, subject: string): Promise<Reservation | Refusal>;
  /** Of a slot that either of them has reserved. */
  readonly giveBack: (slot: string) => void;
  /** Gives back at somebody else's who counts in the same store; absent where it is one process's own. */
  readonly giveBackElsewhere?: LimitsUnderTest['giveBack'];
  /** Somebody else who counts in the same store; absent where it is one process's own. */
  readonly reserveElsewhere?: LimitsUnderTest['reserve'];
  /** Lets time pass for all who share the store. */
  pass(seconds: number): Promise<void>;
}

const LIMIT = { group: 'telemetry', perMinute: 3 };
/** A slot is free after a minute, and at most a second later: a store may count in whole seconds. */
const MINUTE_SECONDS = 60;
const FREE_SECONDS = 61;

/** `makeLimits` is called once for each test. */
export function describeRateLimits(name: string, makeLimits: () => Promise<LimitsUnderTest>): void {
  let limits: LimitsUnderTest;
  beforeEach(async () => {
    limits = await makeLimits();
  });
  const ask = (limit: RateLimit = LIMIT, subject = 'a'): Promise<Reservation | Refusal> =>
    limits.reserve(limit, subject);
  const kind = async (limit?: RateLimit, subject?: string): Promise<string> =>
    (await ask(limit, subject)).kind;
  const take = async (count: number): Promise<(Reservation | Refusal)[]> => {
    const taken = [];
    for (let at = 0; at < count; at += 1) taken.push(await ask());
    expect(taken.map((outcome) => outcome.kind)).toEqual(Array(count).fill('reserved'));
    return taken;
  };

  describe(`the rate limit of ${name}`, () => {
    it('lets through as many as it says, also of those that ask at the same time', async () => {
      const kinds = await Promise.all(Array.from({ length: 9 }, () => kind()));
      expect(kinds.filter((one) => one === 'reserved')).toHaveLength(3);
      expect(kinds.filter((one) => one === 'limited')).toHaveLength(6);
    });

    it('counts each group and each subject apart, whatever they are called', async () => {
      await take(3);
      const others = [
        ['telemetry', 'b'],
        ['graph', 'a'],
        ['telemetry|a', ''],
        ['telemetry', 'a|'],
        ['', 'telemetry|a'],
      ] as const;
      for (const [group, subject] of others)
        for (const expected of ['reserved', 'reserved', 'reserved', 'limited'])
          expect([group, subject, await kind({ group, perMinute: 3 }, subject)]).toEqual([
            group,
            subject,
            expected,
          ]);
    });

    it('keeps a slot taken for a minute, and frees it within a second after', async () => {
      await take(3);
      await limits.pass(MINUTE_SECONDS - 2);
      expect(await kind()).toBe('limited');
      await limits.pass(FREE_SECONDS - MINUTE_SECONDS + 2);
      await take(3);
      expect(await kind()).toBe('limited');
    });

    it('takes a slot back by its name, from whoever counts in the same store', async () => {
      const taken = await take(3);
      const names = taken.map((outcome) => (outcome.kind === 'reserved' ? outcome.slot : ''));
      const back = [limits.giveBack, limits.giveBackElsewhere ?? limits.giveBack];
      for (const [at, giveBack] of back.entries()) {
        expect(await kind()).toBe('limited');
        giveBack(names[at]!);
        await limits.pass(0);
        await until('the slot is free', async () => (await kind()) === 'reserved');
      }
      expect(await kind()).toBe('limited');
    });

    it.each(['', 'x', 'm 1 9:telemetrya', 'l5 AAAA', 'l99999999999 ' + 'A'.repeat(43), 'r x', '\ud800'])(
      'passes over what is no name of a slot: %j',
      async (name) => {
        await take(3);
        limits.giveBack(name);
        expect(await kind()).toBe('limited');
        expect(await kind()).toBe('limited');
      },
    );

    it('slides: each slot is freed by itself', async () => {
      for (let at = 0; at < 3; at += 1) {
        await take(1);
        await limits.pass(20);
      }
      await limits.pass(1);
      expect(await kind()).toBe('reserved');
      expect(await kind()).toBe('limited');
      await limits.pass(21);
      expect(await kind()).toBe('reserved');
      expect(await kind()).toBe('limited');
    });

    it('says after how many whole seconds a slot is free, and it is', async () => {
      await take(3);
      await limits.pass(20);
      const limited = await ask();
      if (limited.kind !== 'limited') throw new Error(limited.kind);
      expect([39, 40, 41]).toContain(limited.retryAfterSeconds);
      await limits.pass(limited.retryAfterSeconds);
      expect(await kind()).toBe('reserved');
    });

    it('does not count what it refuses', async () => {
      await take(3);
      await limits.pass(30);
      for (let at = 0; at < 20; at += 1) expect(await kind()).toBe('limited');
      await limits.pass(31);
      await take(3);
    });

    it('takes one slot back, and no more than that one', async () => {
      const [first] = await take(3);
      if (first?.kind === 'reserved') first.giveBack();
      expect(await kind()).toBe('reserved');
      expect(await kind()).toBe('limited');
    });

    it('takes nothing from others when a slot is given back that has expired', async () => {
      const [old] = await take(1);
      await limits.pass(FREE_SECONDS);
      await take(3);
      if (old?.kind === 'reserved') old.giveBack();
      expect(await kind()).toBe('limited');
    });

    it('waits for the excess to leave where the limit was lowered', async () => {
      for (let at = 0; at < 3; at += 1) {
        await take(1);
        await limits.pass(10);
      }
      const lowered = { ...LIMIT, perMinute: 1 };
      const limited = await ask(lowered);
      if (limited.kind !== 'limited') throw new Error(limited.kind);
      expect([49, 50, 51]).toContain(limited.retryAfterSeconds);
      await limits.pass(48);
      expect(await kind(lowered)).toBe('limited');
      await limits.pass(3);
      expect(await kind(lowered)).toBe('reserved');
    });

    it('never lets through more than it says in any minute', async () => {
      const steps = fc.array(fc.record({ seconds: fc.nat(25), asks: fc.integer({ min: 1, max: 3 }) }), {
        minLength: 5,
        maxLength: 20,
      });
      let runs = 0;
      const run = fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (sequence, perMinute) => {
        runs += 1;
        const taken: { readonly second: number; readonly askedMs: number }[] = [];
        let second = 0;
        for (const { seconds, asks } of sequence) {
          await limits.pass(seconds);
          second += seconds;
          for (let at = 0; at < asks; at += 1) {
            const askedMs = performance.now();
            const { kind: outcome } = await ask({ group: 'any', perMinute }, `run ${runs}`);
            const nowMs = performance.now();
            // In a store whose clock goes on, real time may have passed as well.
            const certain = taken.filter(
              (slot) => second - slot.second + (nowMs - slot.askedMs) / 1_000 < MINUTE_SECONDS,
            );
            const possible = taken.filter((slot) => second - slot.second < FREE_SECONDS);
            if (outcome === 'reserved') {
              expect(certain.length).toBeLessThan(perMinute);
              taken.push({ second, askedMs });
            } else expect(possible.length).toBeGreaterThanOrEqual(perMinute);
          }
        }
      });
      await fc.assert(run, { numRuns: 20, endOnFailure: true });
    });

    it('is one limit for all who share the store', async () => {
      const elsewhere = limits.reserveElsewhere;
      if (elsewhere === undefined) return;
      const asked = Array.from({ length: 8 }, (_, at) =>
        at % 2 === 0 ? ask() : elsewhere.call(limits, LIMIT, 'a'),
      );
      const answers = await Promise.all(asked);
      const reserved = answers.filter((answer) => answer.kind === 'reserved');
      expect(reserved).toHaveLength(3);
      const [first] = reserved;
      if (first?.kind === 'reserved') first.giveBack();
      const again = async (): Promise<string> => (await elsewhere.call(limits, LIMIT, 'a')).kind;
      // What is given back is not waited for, so another process may see it a moment later.
      const endMs = performance.now() + 5_000;
      while ((await again()) !== 'reserved') expect(performance.now()).toBeLessThan(endMs);
      expect(await again()).toBe('limited');
    });
  });
}
