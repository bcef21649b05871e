/** What every nonce store promises about its bounds and its ends. */
import { numberedClaim, SKEW_SECONDS, START_SECONDS } from './nonce-claims.js';
import { RETENTION_SECONDS, StoreUnderTest, type OpenStore } from './nonce-store-harness.js';

/** What is refused, given back, or not answered. */
export function describeLimits(open: OpenStore): void {
  const test = new StoreUnderTest(open);

  describe('bounds', () => {
    // Fault: store-full
    it('refuses when it is full, evicts nobody, and serves again when something has expired', async () => {
      await test.begin({ maxEntries: 3, maxEntriesPerIdentity: 3 });
      await Promise.all([
        test.claim(1),
        test.claim(2),
        test.claim(3, { timestampSeconds: START_SECONDS + 5 }),
      ]);
      const full = { kind: 'doubt', reason: 'store_full' };
      expect(await Promise.all([test.claim(4), test.claim(5)])).toEqual([full, full]);
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed' });
      expect(test.store.status()).toMatchObject({ entries: 3, maxEntries: 3 });
      test.clock.advance(RETENTION_SECONDS);
      const later = { timestampSeconds: START_SECONDS + RETENTION_SECONDS };
      expect(await test.claim(4, later)).toEqual({ kind: 'claimed' });
      expect(await test.claim(5, later)).toEqual({ kind: 'claimed' });
      expect(await test.claim(6, later)).toEqual(full);
    });

    // Fault: store-full
    it('holds no more than the quota for one identity, and lets others in', async () => {
      await test.begin({ maxEntries: 10, maxEntriesPerIdentity: 2 });
      await Promise.all([test.claim(1), test.claim(2)]);
      expect(await test.claim(3)).toEqual({ kind: 'doubt', reason: 'quota_exceeded' });
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed' });
      expect(await test.claim(3, { identity: 'svc-other' })).toEqual({ kind: 'claimed' });
      test.clock.advance(RETENTION_SECONDS);
      const later = { timestampSeconds: START_SECONDS + RETENTION_SECONDS };
      expect(await test.claim(4, later)).toEqual({ kind: 'claimed' });
    });

    it('gives room and quota back with a withdrawal', async () => {
      await test.begin({ maxEntries: 1, maxEntriesPerIdentity: 1 });
      await test.claim(1);
      await test.store.withdraw(numberedClaim(1));
      expect(test.store.status().entries).toBe(0);
      expect(await test.claim(2)).toEqual({ kind: 'claimed' });
    });
  });

  describe('floor', () => {
    // Fault: store-new
    it('refuses after a start whatever an earlier process may have let in', async () => {
      await test.start(START_SECONDS);
      const at = async (timestampSeconds: number) => test.claim(timestampSeconds, { timestampSeconds });
      expect(await at(START_SECONDS + SKEW_SECONDS)).toEqual({ kind: 'doubt', reason: 'below_floor' });
      expect(test.store.status()).toMatchObject({ floorSeconds: START_SECONDS + SKEW_SECONDS });
      expect(test.store.status().unhealthy).toMatch(/requests signed within the next 31 s are refused/);
      test.clock.advance(SKEW_SECONDS + 1);
      expect(await at(START_SECONDS + SKEW_SECONDS)).toEqual({ kind: 'doubt', reason: 'below_floor' });
      expect(await at(START_SECONDS + SKEW_SECONDS + 1)).toEqual({ kind: 'claimed' });
      expect(test.store.status().unhealthy).toBeUndefined();
    });
  });

  describe('withdrawal', () => {
    it('makes the nonce claimable again', async () => {
      await test.claim(1);
      await test.store.withdraw(numberedClaim(1));
      expect(await test.claim(1, { requestId: 'second' })).toEqual({ kind: 'claimed' });
    });

    it('is for the owner alone, and never undoes a later claim', async () => {
      await test.claim(1, { requestId: 'first' });
      await test.store.withdraw(numberedClaim(1, { requestId: 'stranger' }));
      expect(await test.claim(1)).toMatchObject({ firstRequestId: 'first' });
      await test.store.withdraw(numberedClaim(1, { requestId: 'first' }));
      await test.claim(1, { requestId: 'second' });
      await test.store.withdraw(numberedClaim(1, { requestId: 'first' }));
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed', firstRequestId: 'second' });
      expect(test.store.status().entries).toBe(1);
    });

    it('of an entry that has expired changes nothing', async () => {
      await test.claim(1);
      test.clock.advance(RETENTION_SECONDS);
      await test.store.withdraw(numberedClaim(1));
      expect(test.store.status().entries).toBe(0);
    });

    it('leaves the neighbours of a withdrawn entry where they are', async () => {
      await Promise.all(Array.from({ length: 500 }, async (_, at) => test.claim(at)));
      for (let at = 0; at < 500; at += 2) await test.store.withdraw(numberedClaim(at));
      const again = await Promise.all(Array.from({ length: 500 }, async (_, at) => test.claim(at)));
      expect(again.map(({ kind }) => kind === 'claimed')).toEqual(again.map((_, at) => at % 2 === 0));
    });
  });

  describe('a caller that has gone', () => {
    it('does not burn its nonce', async () => {
      expect(await test.claim(1, { stillWanted: () => false })).toEqual({
        kind: 'doubt',
        reason: 'abandoned',
      });
      expect(await test.claim(1, { stillWanted: () => true })).toEqual({ kind: 'claimed' });
    });
  });

  describe('closing', () => {
    it('answers later claims with doubt, and can be done twice', async () => {
      await test.store.close();
      await test.store.close();
      expect(await test.claim(1)).toEqual({ kind: 'doubt', reason: 'store_unavailable' });
      expect(test.store.status().unhealthy).toBe('the store is closed');
      await test.store.withdraw(numberedClaim(1));
    });
  });
}
