/**
 * A real Redis that dies, stands still, forgets, fills up or turns away while two verifiers claim every nonce at once:
 * no nonce is let in twice, doubt lets nobody in, and service is back with Redis.
 *
 * The window ahead is 0 s, so that the floor after a loss is over with the second in which it was noticed.
 */
// Faults: every test
import { setTimeout as pause } from 'node:timers/promises';
import type { RedisNonceStore } from '../../src/nonces/redis/store.js';
import { RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { numberedClaim } from './nonce-claims.js';
import {
  newPrefix,
  redisAt,
  RedisStores,
  showReturn,
  untilHealthy,
  untilSaid,
} from './nonce-store-redis-harness.js';
import { Traffic } from './nonce-store-redis-traffic.js';

/** Many times what it takes on a quiet machine: some 0.3 s until claims are decided, and the second of the floor. */
const DECISION_MS = 8_000;
const RETURN_MS = 12_000;
/** Long after the deadline of a claim, and before the connection is given up. */
const LATE_MS = 600;
const CLAIMED = { kind: 'claimed' };
const UNAVAILABLE = { kind: 'doubt', reason: 'store_unavailable' };
/** For tests in which nothing may be late. */
const PATIENT = { timeoutMilliseconds: 10_000, maxClockDifferenceMilliseconds: 10_000 };
/** What the first claims write beside themselves: how many there are, in all and of their identity. */
const HELD_KEYS = 2;

const stores = new RedisStores();
let server: RedisServer;
let proxy: TcpProxy;
beforeEach(async () => {
  server = await RedisServer.start();
  proxy = await TcpProxy.to(server.address);
});
afterEach(async () => {
  await stores.closeAll();
  await proxy.close();
  await server.remove();
});

/** Two verifiers over the same nonces, straight or through the proxy, serving. */
async function openTwo(
  address = server.address,
  but: Parameters<typeof redisAt>[1] = {},
): Promise<[RedisNonceStore, RedisNonceStore]> {
  const redis = redisAt(address, { keyPrefix: newPrefix(), maxClockDifferenceMilliseconds: 100, ...but });
  const options = { futureSkewSeconds: 0, isNew: true };
  const two: [RedisNonceStore, RedisNonceStore] = [
    await stores.open(redis, options),
    await stores.open(redis, options),
  ];
  for (const store of two) await untilHealthy(store);
  return two;
}

async function keysOf(redis: RedisServer): Promise<number> {
  return Number(await redis.command('DBSIZE'));
}

function losses(two: readonly RedisNonceStore[]): number {
  return two.reduce((sum, store) => sum + store.figures().stateLosses, 0);
}

async function untilSettled(store: RedisNonceStore): Promise<void> {
  await until('nothing is owed', () => store.figures().withdrawalsOwed === 0);
  await untilHealthy(store);
}

function claimNow(number: number) {
  const timestampSeconds = Math.floor(Date.now() / 1000);
  return numberedClaim(number, { timestampSeconds, futureSkewSeconds: 0 });
}

/** Runs traffic over a fault and its end; gives the traffic when all of it is over. */
async function during(two: RedisNonceStore[], fault: () => Promise<void>): Promise<Traffic> {
  const traffic = new Traffic(...two);
  traffic.start();
  await traffic.untilWins(200);
  await fault();
  const returned = { decidedMs: await traffic.untilDecided(), servedMs: await traffic.untilServed() };
  showReturn(returned);
  expect(returned.decidedMs).toBeLessThan(DECISION_MS);
  expect(returned.servedMs).toBeLessThan(RETURN_MS);
  for (const store of two) await untilHealthy(store);
  await traffic.untilWins(traffic.wins() + 200);
  await traffic.stop();
  await traffic.replayAll();
  expect(traffic.twice()).toEqual([]);
  return traffic;
}

describe('a Redis that keeps its state', () => {
  // Fault: redis-paused
  it('stands still: answers doubt at once, and loses no event when it goes on', async () => {
    const two = await openTwo();
    const traffic = await during(two, async () => {
      server.pause();
      await pause(600);
      await until('Redis is not asked any more', () => two[0].figures().breaker !== 'closed');
      expect(two[0].status().unhealthy).toBeDefined();
      expect(await two[0].claim(claimNow(1_000_000))).toEqual(UNAVAILABLE);
      server.resume();
    });
    expect(traffic.orphans()).toEqual([]);
    expect(losses(two)).toBe(0);
    for (const store of two) await untilSettled(store);
  });

  // Fault: redis-paused
  it('stands still for longer than a connection is kept', async () => {
    const two = await openTwo();
    const traffic = await during(two, async () => {
      server.pause();
      await pause(2_500);
      server.resume();
    });
    expect(traffic.orphans()).toEqual([]);
  });

  // Fault: redis-slow
  it('is slow: claims that were made too late are taken back, and the retry is let in', async () => {
    const [one, other] = await openTwo(proxy.address);
    proxy.answersLateByMs = LATE_MS;
    expect(await one.claim(claimNow(1))).toEqual(UNAVAILABLE);
    expect(one.figures().unknownOutcomes).toBeGreaterThan(0);
    proxy.answersLateByMs = 0;
    // Until then what is asked now would wait behind what is late.
    await pause(LATE_MS);
    await until('a claim is taken back', () => one.figures().withdrawals > 0);
    await untilHealthy(one);
    await untilHealthy(other);
    expect(await other.claim(claimNow(1))).toEqual(CLAIMED);
    expect(await one.claim(claimNow(1))).toMatchObject({ kind: 'replayed' });
  });

  // Fault: redis-connection-lost
  it('loses the connection with claims on it: they are taken back over the next one', async () => {
    // The connection has to end before the deadline of the claims, whose withdrawals it would take along.
    const [one, other] = await openTwo(proxy.address, PATIENT);
    proxy.losesAnswers = true;
    const before = await keysOf(server);
    const lost = Promise.all([1, 2, 3].map(async (number) => one.claim(claimNow(number))));
    await until('Redis has the claims', async () => (await keysOf(server)) >= before + 3 + HELD_KEYS);
    proxy.cut();
    expect(await lost).toEqual([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
    expect(one.figures().withdrawalsOwed).toBe(3);
    proxy.losesAnswers = false;
    await untilSettled(one);
    await untilHealthy(other);
    expect(one.figures().withdrawals).toBe(3);
    for (const number of [1, 2, 3]) expect(await other.claim(claimNow(number))).toEqual(CLAIMED);
  });

  // Fault: redis-connection-lost
  it('loses connections again and again under load', async () => {
    const two = await openTwo(proxy.address);
    const traffic = await during(two, async () => {
      for (let round = 0; round < 10; round += 1) {
        proxy.losesAnswers = round % 2 === 0;
        await pause(60);
        proxy.cut();
        proxy.losesAnswers = false;
        await pause(100);
      }
    });
    expect(traffic.orphans()).toEqual([]);
    expect(losses(two)).toBe(0);
  });

  // Fault: redis-connection-lost
  it('is behind a connection over which nothing comes any more: it is given up, and the next one serves', async () => {
    const [one] = await openTwo(proxy.address);
    const startMs = performance.now();
    await proxy.silence();
    // No command is over sooner, and no kernel gives a connection up so soon.
    expect(performance.now() - startMs).toBeGreaterThan(1_000);
    expect(performance.now() - startMs).toBeLessThan(DECISION_MS);
    await untilHealthy(one);
    expect(await one.claim(claimNow(1))).toEqual(CLAIMED);
    expect(losses([one])).toBe(0);
  });

  // Fault: redis-connection-lost
  it('is behind a connection over which a byte a second comes: it is given up, and the next one serves', async () => {
    const two = await openTwo(proxy.address);
    const traffic = await during(two, async () => {
      const startMs = performance.now();
      await proxy.trickle();
      expect(performance.now() - startMs).toBeGreaterThan(1_500);
      expect(performance.now() - startMs).toBeLessThan(DECISION_MS);
    });
    expect(traffic.orphans()).toEqual([]);
    expect(losses(two)).toBe(0);
    for (const store of two) await untilSettled(store);
  });

  // Fault: redis-connection-lost
  it('is behind a relay that has swallowed some answers: its connection is given up, and the next one serves', async () => {
    const [one] = await openTwo(proxy.address);
    proxy.losesAnswers = true;
    await pause(LATE_MS);
    proxy.losesAnswers = false;
    await untilHealthy(one);
    expect(await one.claim(claimNow(1))).toEqual(CLAIMED);
    expect(losses([one])).toBe(0);
  });

  // Fault: redis-slow
  it('is slow for long: its connection is made anew now and then, and not again and again', async () => {
    const [one] = await openTwo(proxy.address);
    const before = proxy.accepted;
    proxy.answersLateByMs = LATE_MS;
    await pause(7_000);
    expect(proxy.accepted).toBeGreaterThan(before);
    expect(proxy.accepted).toBeLessThanOrEqual(before + 2 * 2);
    proxy.answersLateByMs = 0;
    await untilHealthy(one);
    expect(losses([one])).toBe(0);
  });

  // Fault: redis-slow
  it('is slow under load, so that most claims are late', async () => {
    const two = await openTwo(proxy.address);
    const traffic = await during(two, async () => {
      for (let round = 0; round < 6; round += 1) {
        proxy.answersLateByMs = round % 2 === 0 ? 250 : 150;
        await pause(300);
      }
      proxy.answersLateByMs = 0;
    });
    expect(losses(two)).toBe(0);
    expect(two[0].figures().unknownOutcomes + two[1].figures().unknownOutcomes).toBeGreaterThan(0);
    for (const store of two) await untilSettled(store);
    expect(traffic.claims()).toBeGreaterThan(400);
  });

  // Fault: redis-flushed
  it('has lost our scripts alone: they are loaded again, and nothing is refused for it', async () => {
    const two = await openTwo();
    const traffic = await during(two, async () => {
      for (let round = 0; round < 3; round += 1) {
        await server.command('SCRIPT', 'FLUSH');
        await pause(250);
      }
    });
    expect(traffic.orphans()).toEqual([]);
    expect(losses(two)).toBe(0);
  });

  // Fault: redis-connection-lost
  it('never takes back what another one has claimed', async () => {
    const [one, other] = await openTwo(proxy.address, PATIENT);
    expect(await other.claim(claimNow(1))).toEqual(CLAIMED);
    proxy.losesAnswers = true;
    const lost = one.claim(claimNow(1));
    await pause(50);
    proxy.cut();
    expect(await lost).toEqual(UNAVAILABLE);
    proxy.losesAnswers = false;
    await untilSettled(one);
    expect(one.figures().withdrawals).toBe(0);
    expect(await one.claim(claimNow(1))).toMatchObject({ kind: 'replayed' });
  });

  // Fault: redis-full
  it('is out of memory: full is said, nothing is evicted, and room is used when there is some', async () => {
    const two = await openTwo();
    await two[0].claim(claimNow(1_000_001));
    const traffic = await during(two, async () => {
      await server.command('CONFIG', 'SET', 'maxmemory', '1mb');
      await untilSaid(two[0], /OOM/);
      expect(await two[0].claim(claimNow(1_000_000))).toMatchObject({ kind: 'doubt' });
      expect((await two[0].claim(claimNow(1_000_001))).kind).not.toBe('claimed');
      await server.command('CONFIG', 'SET', 'maxmemory', '0');
    });
    expect(traffic.orphans()).toEqual([]);
    expect(losses(two)).toBe(0);
  });
});

describe('a Redis that may have lost state', () => {
  // Fault: redis-killed
  it('is killed, and comes back empty', async () => {
    const two = await openTwo();
    await during(two, async () => {
      await server.kill();
      await pause(300);
      await untilSaid(two[0], /cannot be reached/);
      expect(await two[0].claim(claimNow(1_000_000))).toEqual(UNAVAILABLE);
      await server.start();
    });
    expect(losses(two)).toBeGreaterThan(0);
  });

  // Fault: redis-killed
  it('is killed, and comes back with its data: the floor rises, for nobody knows whether these are all', async () => {
    const own = await RedisServer.start({ directives: ['appendonly yes', 'appendfsync always'] });
    try {
      const two = await openTwo(own.address);
      await during(two, async () => {
        await own.kill();
        await pause(300);
        await own.start();
      });
      expect(losses(two)).toBeGreaterThan(0);
    } finally {
      await own.remove();
    }
  });

  // Fault: redis-flushed
  it('is flushed: what was let in before stays refused', async () => {
    const two = await openTwo();
    await during(two, async () => {
      await server.command('FLUSHALL');
    });
    expect(losses(two)).toBeGreaterThan(0);
  });

  // Fault: redis-flushed
  it('loses the state alone, or the nonces of another verifier', async () => {
    const [one, other] = await openTwo();
    const claim = claimNow(1);
    expect(await one.claim(claim)).toEqual(CLAIMED);
    await server.command('FLUSHALL', 'ASYNC');
    expect(await other.claim(claim)).toEqual(UNAVAILABLE);
    await untilHealthy(other);
    expect(await other.claim(claim)).toEqual({ kind: 'doubt', reason: 'below_floor' });
    // It has asked for nothing since, so it finds out at its next look.
    await until('the floor is known here too', () => one.status().floorSeconds >= claim.timestampSeconds);
  });

  // Fault: redis-read-only
  it('is made a replica of another one, and a master again with its data', async () => {
    const elsewhere = await RedisServer.start();
    try {
      const two = await openTwo();
      await during(two, async () => {
        await server.command('REPLICAOF', elsewhere.address.host, elsewhere.address.port);
        await pause(500);
        await untilSaid(two[0], /replica/);
        expect(await two[0].claim(claimNow(1_000_000))).toEqual(UNAVAILABLE);
        await server.command('REPLICAOF', 'NO', 'ONE');
      });
      expect(losses(two)).toBeGreaterThan(0);
    } finally {
      await elsewhere.remove();
    }
  });

  // Fault: redis-evicts
  it('may evict: service stops, and goes on above the floor', async () => {
    const two = await openTwo();
    await during(two, async () => {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      await untilSaid(two[0], /allkeys-lru.*set maxmemory-policy noeviction/);
      expect(await two[0].claim(claimNow(1_000_000))).toEqual(UNAVAILABLE);
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    });
    expect(losses(two)).toBeGreaterThan(0);
  });
});
