/** What happens to Redis while nobody claims anything: the store has to notice it by itself. */
// Faults: every test
import { setTimeout as pause } from 'node:timers/promises';
import type { RedisNonceStore } from '../../src/nonces/redis-store.js';
import { RedisServer } from '../support/redis-server.js';
import { numberedClaim } from './nonce-claims.js';
import { newPrefix, redisAt, RedisStores } from './nonce-store-redis-harness.js';

const CLAIMED = { kind: 'claimed' };
/** More than the detection and the second of the floor take, by far. */
const RETURN_MS = 15_000;

const stores = new RedisStores();
let server: RedisServer;
let store: RedisNonceStore;
let keyPrefix: string;

beforeEach(async () => {
  keyPrefix = newPrefix();
  server = await RedisServer.start({ directives: ['appendonly yes', 'appendfsync always'] });
  store = await stores.open(redisAt(server.address, { keyPrefix, timeoutMilliseconds: 2_000 }), {
    futureSkewSeconds: 0,
  });
  await untilHealthy();
});
afterEach(async () => {
  await stores.closeAll();
  await server.remove();
});

async function untilHealthy(): Promise<void> {
  const endMs = performance.now() + RETURN_MS;
  while (store.status().unhealthy !== undefined) {
    if (performance.now() > endMs) throw new Error(store.status().unhealthy);
    await pause(5);
  }
}

function claimNow(number: number) {
  const timestampSeconds = Math.floor(Date.now() / 1000);
  return numberedClaim(number, { timestampSeconds, futureSkewSeconds: 0 });
}

describe('while nobody claims anything, a Redis', () => {
  // Fault: redis-killed
  it('that is killed and comes back with its data is served from again, above a floor', async () => {
    const claim = claimNow(1);
    expect(await store.claim(claim)).toEqual(CLAIMED);
    const before = store.figures().stateLosses;
    await server.kill();
    await server.start();
    while (store.figures().stateLosses === before) await pause(5);
    await untilHealthy();
    expect(await store.claim(claim)).toMatchObject({ kind: 'replayed' });
    expect(await store.claim(claimNow(2))).toEqual(CLAIMED);
  });

  // Fault: redis-failed-over
  it('whose other verifiers have begun an epoch while our session was there: the loss is noticed and counted', async () => {
    const before = store.figures().stateLosses;
    await server.command('HSET', `${keyPrefix}:{0}:state`, 'epoch', '1.2.another');
    while (store.figures().stateLosses === before) await pause(5);
    await untilHealthy();
    expect(store.figures().stateLosses).toBe(before + 1);
  });

  // Fault: redis-flushed
  it('that forgets its scripts is given them again, and nothing else is forgotten', async () => {
    const claim = claimNow(1);
    expect(await store.claim(claim)).toEqual(CLAIMED);
    await server.command('SCRIPT', 'FLUSH');
    while (store.status().unhealthy === undefined) await pause(1);
    await untilHealthy();
    expect(await store.claim(claim)).toMatchObject({ kind: 'replayed' });
    expect(await store.claim(claimNow(2))).toEqual(CLAIMED);
  });
});
