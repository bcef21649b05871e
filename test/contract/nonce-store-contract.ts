/** What every nonce store promises, whatever is behind it. Run by `nonce-store.test.ts` over each of them. */
import fc from 'fast-check';
import type { NonceClaim, NonceStore } from '../../src/nonces/nonce-store.js';
import type { NonceStoreOptions } from '../../src/nonces/store-options.js';
import { fakeClock, numberedClaim, SKEW_SECONDS, START_SECONDS, type FakeClock } from './nonce-claims.js';

/** Opens an empty store, which has lost whatever there was before; the suite closes it. */
export type OpenStore = (options: NonceStoreOptions) => NonceStore | Promise<NonceStore>;

/** A full retention: an entry lives this long after its timestamp. */
const RETENTION_SECONDS = SKEW_SECONDS + 1;

export function describeNonceStore(name: string, open: OpenStore): void {
  describe(`the ${name} nonce store`, () => {
    let clock: FakeClock;
    let store: NonceStore;
    const opened: NonceStore[] = [];

    /** A store whose start-up floor has passed. */
    async function begin(but: Partial<NonceStoreOptions> = {}): Promise<void> {
      const past = but.futureSkewSeconds ?? SKEW_SECONDS;
      clock = fakeClock(START_SECONDS - past - 1);
      store = await open({ ...optionsWith(clock), ...but });
      opened.push(store);
      clock.advance(past + 1);
    }
    const claim = async (number: number, but: Partial<NonceClaim> = {}) =>
      store.claim(numberedClaim(number, but));

    beforeEach(() => begin());
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
    });

    describe('one winner', () => {
      it('lets one of 64 concurrent claims win, and tells all others whose it was and when', async () => {
        clock.advance(0.25);
        const attempts = Array.from({ length: 64 }, (_, at) => claim(1, { requestId: `attempt-${at}` }));
        const outcomes = await Promise.all(attempts);
        const winner = outcomes.findIndex(({ kind }) => kind === 'claimed');
        expect(outcomes.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
        const told = {
          kind: 'replayed',
          firstRequestId: `attempt-${winner}`,
          firstSeenAtMs: START_SECONDS * 1000 + 250,
        };
        expect(outcomes.filter((_, at) => at !== winner)).toEqual(Array(63).fill(told));
      });

      it.each([
        ['another timestamp', { timestampSeconds: START_SECONDS + 1 }],
        ['another identity', { identity: 'svc-other' }],
        ['a wider window', { pastSkewSeconds: 3_600 }],
      ])('calls a nonce a replay under %s', async (_, but) => {
        await claim(1);
        expect(await claim(1, but)).toMatchObject({ kind: 'replayed' });
      });

      it.each([
        ['a UUID', '0f9a1c2e-ffff-4bcd-8eef-00112233aabb'],
        ['a UUID in upper case', '0F9A1C2E-FFFF-4BCD-8EEF-00112233AABB'],
        ['64 characters', 'x'.repeat(64)],
        ['one character', 'x'],
        ['a word with dashes where a UUID has them', 'zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz'],
      ])('gives back a request id that is %s as it was', async (_, requestId) => {
        await claim(1, { requestId });
        expect(await claim(1)).toMatchObject({ firstRequestId: requestId });
      });

      it('tells keys apart that agree in all but one bit of their first 16 bytes', async () => {
        const zeros = Buffer.alloc(32);
        expect(await claim(0, { key: zeros })).toEqual({ kind: 'claimed' });
        for (let bit = 0; bit < 128; bit += 1) {
          const key = Buffer.alloc(32);
          key[bit >> 3] = 1 << (bit & 7);
          expect(await claim(bit, { key })).toEqual({ kind: 'claimed' });
          expect(await claim(bit, { key })).toMatchObject({ kind: 'replayed' });
        }
        expect(await claim(0, { key: zeros })).toMatchObject({ kind: 'replayed' });
      });

      it('keeps thousands of keys that were chosen to look alike', async () => {
        const keys = Array.from({ length: 4_000 }, (_, at) => {
          const key = Buffer.alloc(32, 0xff);
          key.writeUInt32BE(at, at % 13);
          return key;
        });
        const distinct = new Set(keys.map((key) => key.toString('hex'))).size;
        const first = await Promise.all(keys.map(async (key, at) => claim(at, { key })));
        expect(first.filter(({ kind }) => kind === 'claimed')).toHaveLength(distinct);
        const second = await Promise.all(keys.map(async (key, at) => claim(at, { key })));
        expect(second.every(({ kind }) => kind === 'replayed')).toBe(true);
        expect(store.status().entries).toBe(distinct);
      });

      it.each(['__proto__', 'constructor', 'hasOwnProperty'])(
        'takes %s for a key like any other',
        async (word) => {
          const key = Buffer.alloc(32);
          key.write(word);
          expect(await claim(1, { key, identity: word })).toEqual({ kind: 'claimed' });
          expect(await claim(1, { key, identity: word })).toMatchObject({ kind: 'replayed' });
        },
      );
    });

    describe('window', () => {
      it.each([
        ['the oldest second', -SKEW_SECONDS, 'claimed'],
        ['one second older', -SKEW_SECONDS - 1, 'outside_window'],
        ['the furthest second ahead', SKEW_SECONDS, 'claimed'],
        ['one second further', SKEW_SECONDS + 1, 'outside_window'],
      ])('judges %s by its own clock', async (_, offset, kind) => {
        await begin();
        clock.advance(SKEW_SECONDS + 0.999);
        const nowSeconds = START_SECONDS + SKEW_SECONDS;
        expect(await claim(1, { timestampSeconds: nowSeconds + offset })).toEqual({ kind });
      });

      it('judges by the narrower of the policy and of what it was opened for', async () => {
        const narrow = { pastSkewSeconds: 5, futureSkewSeconds: 5 };
        expect(await claim(1, { ...narrow, timestampSeconds: START_SECONDS + 6 })).toEqual({
          kind: 'outside_window',
        });
        const wide = { pastSkewSeconds: 3_600, futureSkewSeconds: 3_600 };
        expect(await claim(1, { ...wide, timestampSeconds: START_SECONDS + SKEW_SECONDS + 1 })).toEqual({
          kind: 'outside_window',
        });
      });
    });

    describe('retention', () => {
      it('remembers to the last moment of the window, and not one longer', async () => {
        await claim(1);
        clock.advance(RETENTION_SECONDS - 0.001);
        const anew = { timestampSeconds: START_SECONDS + RETENTION_SECONDS };
        expect(await claim(1)).toMatchObject({ kind: 'replayed' });
        expect(await claim(1, anew)).toMatchObject({ kind: 'replayed' });
        clock.advance(0.001);
        expect(await claim(1)).toEqual({ kind: 'outside_window' });
        expect(store.status().entries).toBe(0);
        expect(await claim(1, anew)).toEqual({ kind: 'claimed' });
      });

      it('remembers a request that was signed ahead until its own time is over', async () => {
        const ahead = { timestampSeconds: START_SECONDS + SKEW_SECONDS };
        await claim(1, ahead);
        clock.advance(SKEW_SECONDS + RETENTION_SECONDS - 0.001);
        expect(await claim(1, ahead)).toMatchObject({ kind: 'replayed' });
        clock.advance(0.001);
        expect(store.status().entries).toBe(0);
      });

      it('remembers for the widest policy what came in by a narrow one', async () => {
        await claim(1, { pastSkewSeconds: 1, futureSkewSeconds: 1 });
        clock.advance(SKEW_SECONDS);
        expect(await claim(1)).toMatchObject({ kind: 'replayed' });
      });

      it('counts entries out without traffic', async () => {
        await Promise.all([claim(1), claim(2, { timestampSeconds: START_SECONDS + 10 })]);
        clock.advance(RETENTION_SECONDS);
        expect(store.status().entries).toBe(1);
        clock.advance(10);
        expect(store.status().entries).toBe(0);
      });

      it('takes a nonce again and again, once each time it has been forgotten', async () => {
        for (let round = 0; round < 6; round += 1) {
          const timestampSeconds = Math.floor(clock.nowMs() / 1000);
          const claims = Array.from({ length: 50 }, async (_, at) => claim(at, { timestampSeconds }));
          expect((await Promise.all(claims)).every(({ kind }) => kind === 'claimed')).toBe(true);
          expect(store.status().entries).toBe(50);
          clock.advance(RETENTION_SECONDS);
        }
      });
    });

    describe('bounds', () => {
      it('refuses when it is full, evicts nobody, and serves again when something has expired', async () => {
        await begin({ maxEntries: 3, maxEntriesPerIdentity: 3 });
        await Promise.all([claim(1), claim(2), claim(3, { timestampSeconds: START_SECONDS + 5 })]);
        const full = { kind: 'doubt', reason: 'store_full' };
        expect(await Promise.all([claim(4), claim(5)])).toEqual([full, full]);
        expect(await claim(1)).toMatchObject({ kind: 'replayed' });
        expect(store.status()).toMatchObject({ entries: 3, maxEntries: 3 });
        clock.advance(RETENTION_SECONDS);
        const later = { timestampSeconds: START_SECONDS + RETENTION_SECONDS };
        expect(await claim(4, later)).toEqual({ kind: 'claimed' });
        expect(await claim(5, later)).toEqual({ kind: 'claimed' });
        expect(await claim(6, later)).toEqual(full);
      });

      it('holds no more than the quota for one identity, and lets others in', async () => {
        await begin({ maxEntries: 10, maxEntriesPerIdentity: 2 });
        await Promise.all([claim(1), claim(2)]);
        expect(await claim(3)).toEqual({ kind: 'doubt', reason: 'quota_exceeded' });
        expect(await claim(1)).toMatchObject({ kind: 'replayed' });
        expect(await claim(3, { identity: 'svc-other' })).toEqual({ kind: 'claimed' });
        clock.advance(RETENTION_SECONDS);
        const later = { timestampSeconds: START_SECONDS + RETENTION_SECONDS };
        expect(await claim(4, later)).toEqual({ kind: 'claimed' });
      });

      it('gives room and quota back with a withdrawal', async () => {
        await begin({ maxEntries: 1, maxEntriesPerIdentity: 1 });
        await claim(1);
        await store.withdraw(numberedClaim(1));
        expect(store.status().entries).toBe(0);
        expect(await claim(2)).toEqual({ kind: 'claimed' });
      });
    });

    describe('floor', () => {
      it('refuses after a start whatever an earlier process may have let in', async () => {
        const start = fakeClock(START_SECONDS);
        const fresh = await open(optionsWith(start));
        opened.push(fresh);
        const at = async (timestampSeconds: number) =>
          fresh.claim(numberedClaim(timestampSeconds, { timestampSeconds }));
        expect(await at(START_SECONDS + SKEW_SECONDS)).toEqual({ kind: 'doubt', reason: 'below_floor' });
        expect(fresh.status()).toMatchObject({ floorSeconds: START_SECONDS + SKEW_SECONDS });
        expect(fresh.status().unhealthy).toMatch(/requests signed within the next 31 s are refused/);
        start.advance(SKEW_SECONDS + 1);
        expect(await at(START_SECONDS + SKEW_SECONDS)).toEqual({ kind: 'doubt', reason: 'below_floor' });
        expect(await at(START_SECONDS + SKEW_SECONDS + 1)).toEqual({ kind: 'claimed' });
        expect(fresh.status().unhealthy).toBeUndefined();
      });
    });

    describe('withdrawal', () => {
      it('makes the nonce claimable again', async () => {
        await claim(1);
        await store.withdraw(numberedClaim(1));
        expect(await claim(1, { requestId: 'second' })).toEqual({ kind: 'claimed' });
      });

      it('is for the owner alone, and never undoes a later claim', async () => {
        await claim(1, { requestId: 'first' });
        await store.withdraw(numberedClaim(1, { requestId: 'stranger' }));
        expect(await claim(1)).toMatchObject({ firstRequestId: 'first' });
        await store.withdraw(numberedClaim(1, { requestId: 'first' }));
        await claim(1, { requestId: 'second' });
        await store.withdraw(numberedClaim(1, { requestId: 'first' }));
        expect(await claim(1)).toMatchObject({ kind: 'replayed', firstRequestId: 'second' });
        expect(store.status().entries).toBe(1);
      });

      it('of an entry that has expired changes nothing', async () => {
        await claim(1);
        clock.advance(RETENTION_SECONDS);
        await store.withdraw(numberedClaim(1));
        expect(store.status().entries).toBe(0);
      });

      it('leaves the neighbours of a withdrawn entry where they are', async () => {
        await Promise.all(Array.from({ length: 500 }, async (_, at) => claim(at)));
        for (let at = 0; at < 500; at += 2) await store.withdraw(numberedClaim(at));
        const again = await Promise.all(Array.from({ length: 500 }, async (_, at) => claim(at)));
        expect(again.map(({ kind }) => kind === 'claimed')).toEqual(again.map((_, at) => at % 2 === 0));
      });
    });

    describe('a caller that has gone', () => {
      it('does not burn its nonce', async () => {
        expect(await claim(1, { stillWanted: () => false })).toEqual({ kind: 'doubt', reason: 'abandoned' });
        expect(await claim(1, { stillWanted: () => true })).toEqual({ kind: 'claimed' });
      });
    });

    describe('clock', () => {
      const diverged = { kind: 'doubt', reason: 'clock_diverged' };

      it.each([
        ['forward', 3_600],
        ['backward', -3_600],
        ['forward by two seconds', 2],
      ])('claims nothing after a step %s, and says why', async (_, seconds) => {
        await claim(1);
        clock.step(seconds);
        expect(await claim(2, { timestampSeconds: START_SECONDS + seconds })).toEqual(diverged);
        expect(store.status().unhealthy).toMatch(/wall clock stepped by/);
      });

      it('goes on as if nothing had been when the clock comes back', async () => {
        await claim(1);
        clock.step(86_400);
        expect(await claim(1)).toEqual(diverged);
        clock.advance(2);
        expect(await claim(1)).toEqual(diverged);
        clock.step(-86_400);
        expect(await claim(1)).toMatchObject({ kind: 'replayed' });
        expect(await claim(2)).toEqual({ kind: 'claimed' });
        expect(store.status().unhealthy).toBeUndefined();
      });

      it('believes a clock that runs evenly again, with a floor over everything from before', async () => {
        await claim(1);
        clock.step(3_600);
        expect(await claim(1)).toEqual(diverged);
        clock.advance(6);
        const floorSeconds = START_SECONDS + 3_606 + SKEW_SECONDS;
        const at = async (timestampSeconds: number) => claim(timestampSeconds, { timestampSeconds });
        expect(await at(floorSeconds)).toEqual({ kind: 'doubt', reason: 'below_floor' });
        expect(store.status()).toMatchObject({ floorSeconds });
        clock.advance(1);
        expect(await at(floorSeconds + 1)).toEqual({ kind: 'claimed' });
      });

      it('lets nothing in twice that a clock forgot on its way forward and back', async () => {
        await claim(1);
        clock.step(3_600);
        await claim(1);
        clock.advance(6);
        await claim(1);
        clock.step(-3_600);
        expect(await claim(1)).toEqual(diverged);
        clock.advance(6);
        expect(await claim(1)).toEqual({ kind: 'doubt', reason: 'below_floor' });
        expect(store.status().unhealthy).toMatch(/not known/);
      });

      it('keeps what it has when the clock goes back for good', async () => {
        await claim(1);
        clock.step(-20);
        await claim(1);
        clock.advance(6);
        expect(await claim(1)).toMatchObject({ kind: 'replayed' });
      });

      it('is not disturbed by a clock that is slewed', () => {
        for (let minute = 0; minute < 30; minute += 1) {
          clock.advance(60);
          clock.step(0.03);
          expect(store.status().unhealthy).toBeUndefined();
        }
      });

      it('never lets a request in twice, however the clock is moved', async () => {
        const moves = fc.array(
          fc.record({
            advance: fc.integer({ min: 0, max: 20 }),
            step: fc.oneof(fc.constant(0), fc.integer({ min: -90, max: 90 })),
            offset: fc.integer({ min: -SKEW_SECONDS, max: SKEW_SECONDS }),
          }),
          { maxLength: 40 },
        );
        await fc.assert(
          fc.asyncProperty(moves, async (steps) => {
            await begin({ clockSettleMs: 3_000 });
            const sent: NonceClaim[] = [];
            const letIn = new Set<NonceClaim>();
            for (const { advance, step, offset } of steps) {
              clock.advance(advance);
              clock.step(step);
              const timestampSeconds = Math.floor(clock.nowMs() / 1000) + offset;
              sent.push(numberedClaim(sent.length, { timestampSeconds }));
              for (const each of sent) {
                if ((await store.claim(each)).kind !== 'claimed') continue;
                expect(letIn).not.toContain(each);
                letIn.add(each);
              }
            }
            await opened.pop()?.close();
          }),
          { numRuns: 25 },
        );
      });
    });

    describe('closing', () => {
      it('answers later claims with doubt, and can be done twice', async () => {
        await store.close();
        await store.close();
        expect(await claim(1)).toEqual({ kind: 'doubt', reason: 'store_unavailable' });
        expect(store.status().unhealthy).toBe('the store is closed');
        await store.withdraw(numberedClaim(1));
      });
    });
  });
}

/** Options of a roomy store. */
export function optionsWith(clock: FakeClock): NonceStoreOptions {
  return {
    clock,
    pastSkewSeconds: SKEW_SECONDS,
    futureSkewSeconds: SKEW_SECONDS,
    maxEntries: 100_000,
    maxEntriesPerIdentity: 100_000,
  };
}
