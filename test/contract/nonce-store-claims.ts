/** What every nonce store promises: one winner for each nonce, for as long as its request could be sent again. */
import type { ClaimOutcome } from '../../src/nonces/nonce-store.js';
import { SKEW_SECONDS, START_SECONDS } from './nonce-claims.js';
import { RETENTION_SECONDS, StoreUnderTest, type OpenStore } from './nonce-store-harness.js';

/** Who wins, and how long that is remembered. */
export function describeClaims(open: OpenStore): void {
  const test = new StoreUnderTest(open);

  describe('one winner', () => {
    // Fault: copies
    it('lets one of 64 concurrent claims win, and tells all others whose it was and when', async () => {
      test.clock.advance(0.25);
      const attempts = Array.from({ length: 64 }, (_, at) => test.claim(1, { requestId: `attempt-${at}` }));
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
      await test.claim(1);
      expect(await test.claim(1, but)).toMatchObject({ kind: 'replayed' });
    });

    it.each([
      ['a UUID', '0f9a1c2e-ffff-4bcd-8eef-00112233aabb'],
      ['a UUID in upper case', '0F9A1C2E-FFFF-4BCD-8EEF-00112233AABB'],
      ['64 characters', 'x'.repeat(64)],
      ['one character', 'x'],
      ['a word with dashes where a UUID has them', 'zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz'],
    ])('gives back a request id that is %s as it was', async (_, requestId) => {
      await test.claim(1, { requestId });
      expect(await test.claim(1)).toMatchObject({ firstRequestId: requestId });
    });

    it('tells keys apart that agree in all but one bit of their first 16 bytes', async () => {
      const zeros = Buffer.alloc(32);
      expect(await test.claim(0, { key: zeros })).toEqual({ kind: 'claimed' });
      for (let bit = 0; bit < 128; bit += 1) {
        const key = Buffer.alloc(32);
        key[bit >> 3] = 1 << (bit & 7);
        expect(await test.claim(bit, { key })).toEqual({ kind: 'claimed' });
        expect(await test.claim(bit, { key })).toMatchObject({ kind: 'replayed' });
      }
      expect(await test.claim(0, { key: zeros })).toMatchObject({ kind: 'replayed' });
    });

    it('keeps thousands of keys that were chosen to look alike', async () => {
      const keys = Array.from({ length: 4_000 }, (_, at) => {
        const key = Buffer.alloc(32, 0xff);
        key.writeUInt32BE(at, at % 13);
        return key;
      });
      const distinct = new Set(keys.map((key) => key.toString('hex'))).size;
      // Some at a time: what a process sends in one go and is slow to read counts as silence of Redis (docs/adr/0011).
      const claimAll = async (): Promise<ClaimOutcome[]> => {
        const outcomes: ClaimOutcome[] = [];
        for (let at = 0; at < keys.length; at += 250) {
          const some = keys.slice(at, at + 250).map(async (key, next) => test.claim(at + next, { key }));
          outcomes.push(...(await Promise.all(some)));
        }
        return outcomes;
      };
      const first = await claimAll();
      expect(first.filter(({ kind }) => kind === 'claimed')).toHaveLength(distinct);
      const second = await claimAll();
      expect(second.filter(({ kind }) => kind !== 'replayed')).toEqual([]);
      expect(test.store.status().entries).toBe(distinct);
    });

    it.each(['__proto__', 'constructor', 'hasOwnProperty'])(
      'takes %s for a key like any other',
      async (word) => {
        const key = Buffer.alloc(32);
        key.write(word);
        expect(await test.claim(1, { key, identity: word })).toEqual({ kind: 'claimed' });
        expect(await test.claim(1, { key, identity: word })).toMatchObject({ kind: 'replayed' });
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
      await test.begin();
      test.clock.advance(SKEW_SECONDS + 0.999);
      const nowSeconds = START_SECONDS + SKEW_SECONDS;
      expect(await test.claim(1, { timestampSeconds: nowSeconds + offset })).toEqual({ kind });
    });

    it('judges by the narrower of the policy and of what it was opened for', async () => {
      const narrow = { pastSkewSeconds: 5, futureSkewSeconds: 5 };
      expect(await test.claim(1, { ...narrow, timestampSeconds: START_SECONDS + 6 })).toEqual({
        kind: 'outside_window',
      });
      const wide = { pastSkewSeconds: 3_600, futureSkewSeconds: 3_600 };
      expect(await test.claim(1, { ...wide, timestampSeconds: START_SECONDS + SKEW_SECONDS + 1 })).toEqual({
        kind: 'outside_window',
      });
    });
  });

  describe('retention', () => {
    it('remembers to the last moment of the window, and not one longer', async () => {
      await test.claim(1);
      test.clock.advance(RETENTION_SECONDS - 0.001);
      const anew = { timestampSeconds: START_SECONDS + RETENTION_SECONDS };
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed' });
      expect(await test.claim(1, anew)).toMatchObject({ kind: 'replayed' });
      test.clock.advance(0.001);
      expect(await test.claim(1)).toEqual({ kind: 'outside_window' });
      expect(test.store.status().entries).toBe(0);
      expect(await test.claim(1, anew)).toEqual({ kind: 'claimed' });
    });

    it('remembers a request that was signed ahead until its own time is over', async () => {
      const ahead = { timestampSeconds: START_SECONDS + SKEW_SECONDS };
      await test.claim(1, ahead);
      test.clock.advance(SKEW_SECONDS + RETENTION_SECONDS - 0.001);
      expect(await test.claim(1, ahead)).toMatchObject({ kind: 'replayed' });
      test.clock.advance(0.001);
      expect(test.store.status().entries).toBe(0);
    });

    it('remembers for the widest policy what came in by a narrow one', async () => {
      await test.claim(1, { pastSkewSeconds: 1, futureSkewSeconds: 1 });
      test.clock.advance(SKEW_SECONDS);
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed' });
    });

    it('counts entries out without traffic', async () => {
      await Promise.all([test.claim(1), test.claim(2, { timestampSeconds: START_SECONDS + 10 })]);
      test.clock.advance(RETENTION_SECONDS);
      expect(test.store.status().entries).toBe(1);
      test.clock.advance(10);
      expect(test.store.status().entries).toBe(0);
    });

    it('takes a nonce again and again, once each time it has been forgotten', async () => {
      for (let round = 0; round < 6; round += 1) {
        const timestampSeconds = Math.floor(test.clock.nowMs() / 1000);
        const claims = Array.from({ length: 50 }, async (_, at) => test.claim(at, { timestampSeconds }));
        expect((await Promise.all(claims)).every(({ kind }) => kind === 'claimed')).toBe(true);
        expect(test.store.status().entries).toBe(50);
        test.clock.advance(RETENTION_SECONDS);
      }
    });
  });
}
