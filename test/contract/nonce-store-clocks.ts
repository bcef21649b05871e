/** What every nonce store promises when somebody sets the clock (docs/security-requirements.md#17, #18). */
// Faults: every test
import fc from 'fast-check';
import type { NonceClaim } from '../../src/nonces/nonce-store.js';
import { numberedClaim, SKEW_SECONDS, START_SECONDS } from './nonce-claims.js';
import { StoreUnderTest, type OpenStore } from './nonce-store-harness.js';

/** Steps forward, backward, and both. */
export function describeClocks(open: OpenStore): void {
  const test = new StoreUnderTest(open);

  describe('clock', () => {
    const diverged = { kind: 'doubt', reason: 'clock_diverged' };

    // Fault: clock-forward, clock-back, clock-snapshot
    it.each([
      ['forward', 3_600],
      ['backward', -3_600],
      ['forward by two seconds', 2],
    ])('claims nothing after a step %s, and says why', async (_, seconds) => {
      await test.claim(1);
      test.clock.step(seconds);
      expect(await test.claim(2, { timestampSeconds: START_SECONDS + seconds })).toEqual(diverged);
      expect(test.store.status().unhealthy).toMatch(/wall clock stepped by/);
    });

    // Fault: clock-forward, clock-back
    it('counts steps, and not that a clock came back or was believed again', async () => {
      const counted = (): number => test.store.status().clockSteps;
      expect(counted()).toBe(0);
      test.clock.step(3_600);
      expect([counted(), counted()]).toEqual([1, 1]);
      test.clock.step(-3_600);
      expect(counted()).toBe(1);
      test.clock.step(20);
      expect(counted()).toBe(2);
      test.clock.advance(6);
      expect([counted(), counted()]).toEqual([2, 2]);
      await test.claim(1);
    });

    // Fault: clock-forward, clock-back
    it('goes on as if nothing had been when the clock comes back', async () => {
      await test.claim(1);
      test.clock.step(86_400);
      expect(await test.claim(1)).toEqual(diverged);
      test.clock.advance(2);
      expect(await test.claim(1)).toEqual(diverged);
      test.clock.step(-86_400);
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed' });
      expect(await test.claim(2)).toEqual({ kind: 'claimed' });
      expect(test.store.status().unhealthy).toBeUndefined();
    });

    // Fault: clock-forward
    it('believes a clock that runs evenly again, with a floor over everything from before', async () => {
      await test.claim(1);
      test.clock.step(3_600);
      expect(await test.claim(1)).toEqual(diverged);
      test.clock.advance(6);
      const floorSeconds = START_SECONDS + 3_606 + SKEW_SECONDS;
      const at = async (timestampSeconds: number) => test.claim(timestampSeconds, { timestampSeconds });
      expect(await at(floorSeconds)).toEqual({ kind: 'doubt', reason: 'below_floor' });
      expect(test.store.status()).toMatchObject({ floorSeconds });
      test.clock.advance(1);
      expect(await at(floorSeconds + 1)).toEqual({ kind: 'claimed' });
    });

    // Fault: clock-back
    it('lets nothing in twice that a clock forgot on its way forward and back', async () => {
      await test.claim(1);
      test.clock.step(3_600);
      await test.claim(1);
      test.clock.advance(6);
      await test.claim(1);
      test.clock.step(-3_600);
      expect(await test.claim(1)).toEqual(diverged);
      test.clock.advance(6);
      // A store with a clock of its own may have forgotten nothing.
      expect((await test.claim(1)).kind).not.toBe('claimed');
      expect(await test.claim(2)).toEqual({ kind: 'doubt', reason: 'below_floor' });
      expect(test.store.status().unhealthy).toMatch(/not known/);
    });

    // Fault: clock-back
    it('keeps what it has when the clock goes back for good', async () => {
      await test.claim(1);
      test.clock.step(-20);
      await test.claim(1);
      test.clock.advance(6);
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed' });
    });

    // Fault: clock-slewed
    it('is not disturbed by a clock that is slewed', () => {
      for (let minute = 0; minute < 30; minute += 1) {
        test.clock.advance(60);
        test.clock.step(0.03);
        expect(test.store.status().unhealthy).toBeUndefined();
      }
    });

    // Fault: clock-forward, clock-back
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
          await test.begin({ clockSettleMs: 3_000 });
          const sent: NonceClaim[] = [];
          const letIn = new Set<NonceClaim>();
          for (const { advance, step, offset } of steps) {
            test.clock.advance(advance);
            test.clock.step(step);
            const timestampSeconds = Math.floor(test.clock.nowMs() / 1000) + offset;
            sent.push(numberedClaim(sent.length, { timestampSeconds }));
            for (const each of sent) {
              if ((await test.store.claim(each)).kind !== 'claimed') continue;
              expect(letIn).not.toContain(each);
              letIn.add(each);
            }
          }
          await test.end();
        }),
        { numRuns: 25 },
      );
    });
  });
}
