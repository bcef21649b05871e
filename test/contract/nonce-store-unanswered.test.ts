/**
 * Two stores over one state, as two processes have them: what is claimed and not answered yet is waited for, never
 * called a replay; what stands is one at once.
 */
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialiseNonceDirectory, openLmdbNonceStore } from '../../src/nonces/lmdb/store.js';
import { claimEffect } from '../../src/nonces/claim-effect.js';
import type { ClaimOutcome, NonceClaim, NonceStore } from '../../src/nonces/nonce-store.js';
import { openRedisNonceStore } from '../../src/nonces/redis/store.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { numberedClaim, SKEW_SECONDS } from './nonce-claims.js';
import { deliveryOf } from './nonce-deliveries.js';
import { STEP, World } from './nonce-store-deliveries.js';
import { newPrefix, redisAt } from './nonce-store-redis-harness.js';

type Two = readonly [NonceStore, NonceStore];

const WINDOW = { pastSkewSeconds: SKEW_SECONDS, futureSkewSeconds: SKEW_SECONDS };
const OPTIONS = {
  clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
  ...WINDOW,
  maxEntries: 100_000,
  maxEntriesPerIdentity: 100_000,
};
/** Longer than any of these tests takes. */
const LONG_MS = 60_000;
const EFFECT = { checkTimeoutMilliseconds: LONG_MS, bounds: { maxEntries: 100, maxEntriesPerIdentity: 10 } };

let directory: string;
let redis: RedisServer;
let opened: NonceStore[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-unanswered-'));
  redis = await RedisServer.start();
});
afterEach(async () => {
  for (const store of opened) await store.close();
  opened = [];
});
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await redis.remove();
});

async function overLmdb(): Promise<Two> {
  const options = {
    ...OPTIONS,
    directory: mkdtempSync(join(directory, 'd-')),
    durability: 'process',
  } as const;
  rmSync(options.directory, { recursive: true });
  await initialiseNonceDirectory(options);
  opened = [await openLmdbNonceStore(options), await openLmdbNonceStore(options)];
  return opened as unknown as Two;
}

async function overRedis(): Promise<Two> {
  const settings = redisAt(redis.address, { keyPrefix: newPrefix(), timeoutMilliseconds: 5_000 });
  const options = { ...OPTIONS, redis: settings, isNew: true };
  opened = [await openRedisNonceStore(options), await openRedisNonceStore(options)];
  return opened as unknown as Two;
}

let copies = 0;

/** A claim of the n-th nonce under an id of its own. */
function copyOf(number: number, standsAfterMs: number | 'at once' = LONG_MS): NonceClaim {
  const timestampSeconds = Math.floor(Date.now() / 1000);
  const requestId = `copy-${++copies}`;
  const claim = numberedClaim(number, { ...WINDOW, timestampSeconds, requestId });
  return standsAfterMs === 'at once' ? claim : { ...claim, standsAfterMs };
}

const kindOf = async (outcome: ClaimOutcome | Promise<ClaimOutcome>): Promise<string> => (await outcome).kind;

describe.each([
  ['lmdb', overLmdb],
  ['redis', overRedis],
])('a claim that is not answered yet, in %s,', (_name, openTwo) => {
  // Fault: copies
  it('is no replay for a copy elsewhere until it stands, and then names who was first', async () => {
    const [one, other] = await openTwo();
    const first = copyOf(1);
    expect(await kindOf(one.claim(first))).toBe('claimed');
    expect(await kindOf(other.claim(copyOf(1)))).toBe('unanswered');
    one.settle?.(first);
    await until('the other knows', async () => (await kindOf(other.claim(copyOf(1)))) !== 'unanswered');
    expect(await other.claim(copyOf(1))).toMatchObject({ kind: 'replayed', firstRequestId: first.requestId });
  });

  it('is won by a copy elsewhere when it is taken back', async () => {
    const [one, other] = await openTwo();
    const first = copyOf(1);
    await one.claim(first);
    expect(await kindOf(other.claim(copyOf(1)))).toBe('unanswered');
    await one.withdraw(first);
    const second = copyOf(1);
    expect(await kindOf(other.claim(second))).toBe('claimed');
    // What the first one says about it from now on changes nothing.
    one.settle?.(first);
    await one.withdraw(first);
    other.settle?.(second);
    expect(await other.claim(copyOf(1))).toMatchObject({ firstRequestId: second.requestId });
    await until('one knows', async () => (await kindOf(one.claim(copyOf(1)))) !== 'unanswered');
    expect(await one.claim(copyOf(1))).toMatchObject({ kind: 'replayed', firstRequestId: second.requestId });
  });

  it('stands at once where it was answered: 1,000 replays of it wait for nobody', async () => {
    const [one] = await openTwo();
    const first = copyOf(1);
    await one.claim(first);
    one.settle?.(first);
    const replays = await Promise.all(Array.from({ length: 1_000 }, () => kindOf(one.claim(copyOf(1)))));
    expect(new Set(replays)).toEqual(new Set(['replayed']));
  });

  it('stands after its time, whatever became of its owner', async () => {
    const [one, other] = await openTwo();
    await one.claim(copyOf(1));
    expect(await kindOf(other.claim(copyOf(1)))).toBe('unanswered');
    await until('it stands', async () => (await kindOf(other.claim(copyOf(1, 20)))) === 'replayed');
  });

  it('and that cannot be given back is a replay at once', async () => {
    const [one, other] = await openTwo();
    await one.claim(copyOf(1, 'at once'));
    expect(await kindOf(other.claim(copyOf(1)))).toBe('replayed');
  });

  it('is known as such by a store that is opened later, and as standing when it does', async () => {
    const [one, other] = await openTwo();
    const [standing, open] = [copyOf(1), copyOf(2)];
    await one.claim(standing);
    await one.claim(open);
    one.settle?.(standing);
    // Ends with everything told that it knows.
    await one.close();
    expect(await kindOf(other.claim(copyOf(1)))).toBe('replayed');
    expect(await kindOf(other.claim(copyOf(2)))).toBe('unanswered');
  });

  it('is known everywhere once somebody was told what became of it, and given back where nothing was delivered', async () => {
    const [one, other] = await openTwo();
    const [lost, arrived] = [copyOf(1), copyOf(2)];
    for (const claim of [lost, arrived]) await one.claim(claim);
    other.noteDeliveries([
      deliveryOf(lost, 'undelivered'),
      deliveryOf(arrived, 'delivered', { status: 202 }),
    ]);
    for (const store of [one, other])
      await until('it is known', async () => {
        const awaited = await store.areAwaited([lost.key, arrived.key]);
        return awaited.every((one) => !one);
      });
    // What its own process says later changes nothing.
    one.settle?.(lost);
    one.settle?.(arrived);
    expect(await kindOf(one.claim(copyOf(1)))).toBe('claimed');
    expect(await other.claim(copyOf(2))).toMatchObject({
      kind: 'replayed',
      firstRequestId: arrived.requestId,
      firstStatus: 202,
    });
  });

  it('lets in one that may have been delivered, whatever the order of copies and reports at both', async () => {
    const stores = await openTwo();
    let nonces = 1_000;
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
        const world = new World((nonces += 1), stores, copyOf);
        for (const step of steps) await world.take(step);
      }),
      { numRuns: 30 },
    );
  });

  // Fault: copies
  it('makes copies wait at the gate: whoever is called a replay names a claim that stands, and one stands', async () => {
    const stores = await openTwo();
    const gates = stores.map((store) => claimEffect(store, EFFECT));
    const standing = new Map<string, string[]>();
    const named: [nonce: string, requestId: string | undefined][] = [];
    async function deliver(number: number, at: number): Promise<void> {
      const { key, identity, timestampSeconds, requestId } = copyOf(number);
      const plan = { key, identity, timestampSeconds, skewSeconds: 0, freshness: WINDOW, requestId };
      const result = await gates[at % 2]!(plan, () => true);
      if (result.kind === 'awaited') throw new Error('nobody is there to tell');
      const nonce = key.toString('hex');
      if (result.kind === 'refuse') {
        expect(result.code).toBe('replayed_nonce');
        named.push([nonce, result.first?.requestId]);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      // Three in four are taken back, as if their callers had gone; somebody stays in the end.
      if (at < 6 && Math.random() < 0.75) return result.withdraw();
      standing.set(nonce, [...(standing.get(nonce) ?? []), requestId]);
      result.settle();
    }
    const all = Array.from({ length: 60 }, (_, number) =>
      Array.from({ length: 8 }, (_copy, at) => deliver(number, at)),
    );
    await Promise.all(all.flat());
    for (const ids of standing.values()) expect(ids).toHaveLength(1);
    expect(named.length).toBeGreaterThan(0);
    for (const [nonce, requestId] of named)
      expect([nonce, standing.get(nonce)]).toEqual([nonce, [requestId]]);
  }, 60_000);
});

// Fault: copies
it('a copy that waits at the gate is told 503, and never 409, when its own caller goes', async () => {
  const [one, other] = await overLmdb();
  await one.claim(copyOf(1));
  const claim = claimEffect(other, EFFECT);
  const { key, identity, timestampSeconds, requestId } = copyOf(1);
  let asked = 0;
  const result = await claim(
    { key, identity, timestampSeconds, skewSeconds: 0, freshness: WINDOW, requestId },
    () => ++asked < 5,
  );
  expect(result).toMatchObject({ kind: 'refuse', code: 'deadline_spent' });
});
