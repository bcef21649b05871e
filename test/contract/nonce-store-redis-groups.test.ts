/**
 * Several Redis servers and their fail-overs while two verifiers claim every nonce at once: sentinels that promote a
 * replica, and a cluster.
 *
 * The window ahead is 0 s, so that the floor after a loss is over with the second in which it was noticed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { shardOf, CLUSTER_SHARDS } from '../../src/nonces/redis/state-scripts.js';
import type { RedisNonceStoreOptions } from '../../src/nonces/redis/options.js';
import { failOverGraceSeconds } from '../../src/storage/redis/sentinels.js';
import type { RedisNonceStore } from '../../src/nonces/redis/store.js';
import {
  isMaster,
  startCluster,
  startSentinelGroup,
  type RedisCluster,
  type SentinelGroup,
} from '../support/redis-groups.js';
import type { RedisServer } from '../support/redis-server.js';
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
  watchLosses,
} from './nonce-store-redis-harness.js';
import { Traffic } from './nonce-store-redis-traffic.js';

const NO_FUTURE = { futureSkewSeconds: 0 };
/** Redis decides again: a second, and time for a machine that does other things. */
const DECISION_MS = 8_000;
/** An event is let in again: that, and the seconds of the floor after a fail-over. */
const RETURN_MS = DECISION_MS + 1_000 * (failOverGraceSeconds(200) + 1);
const TEST_MS = 120_000;

const stores = new RedisStores();
const servers: RedisServer[] = [];
afterEach(async () => {
  await stores.closeAll();
  for (const server of servers.splice(0)) {
    server.resume();
    await server.remove();
  }
});

function claimNow(number: number) {
  return numberedClaim(number, { timestampSeconds: Math.floor(Date.now() / 1000), ...NO_FUTURE });
}

async function openTwo(redis: RedisNonceStoreOptions['redis']): Promise<[RedisNonceStore, RedisNonceStore]> {
  const two: [RedisNonceStore, RedisNonceStore] = [
    await stores.open(redis, { ...NO_FUTURE, isNew: true }),
    await stores.open(redis, { ...NO_FUTURE, isNew: true }),
  ];
  for (const store of two) await untilHealthy(store);
  return two;
}

// Fault: redis-failed-over
describe('sentinels', () => {
  async function underLoad(
    fault: (group: SentinelGroup) => Promise<unknown>,
    after: (group: SentinelGroup) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<Traffic> {
    const group = await startSentinelGroup();
    servers.push(...group.all);
    const two = await openTwo(throughSentinels(group));
    const bothHaveNoticed = watchLosses(two);
    const traffic = new Traffic(...two);
    traffic.start();
    await traffic.untilWins(200);
    await fault(group);
    await until('the replica is promoted', () => isMaster(group.replica), { atMostMs: 60_000 });
    const returned = { decidedMs: await traffic.untilDecided(), servedMs: await traffic.untilServed() };
    showReturn(returned);
    expect(returned.decidedMs).toBeLessThan(DECISION_MS);
    expect(returned.servedMs).toBeLessThan(RETURN_MS);
    await bothHaveNoticed();
    for (const store of two) await untilHealthy(store);
    await after(group);
    await traffic.untilWins(traffic.wins() + 100);
    await traffic.stop();
    await traffic.replayAll();
    expect(traffic.twice()).toEqual([]);
    return traffic;
  }

  /** A fail-over that takes longer than its time-out, on a busy machine, is undone: it has to be ordered again. */
  async function orderFailOver({ name, sentinels, replica }: SentinelGroup): Promise<void> {
    const [, sentinel] = sentinels;
    const isDone = async (): Promise<boolean> => {
      const named = await sentinel?.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
      return String(named).endsWith(`,${replica.address.port}`);
    };
    const orderUnlessDone = async (): Promise<boolean> => {
      if (await isDone()) return true;
      await sentinel?.command('SENTINEL', 'FAILOVER', name).catch(() => 'there is one under way');
      return isDone();
    };
    await until('the fail-over is done', orderUnlessDone, { everyMs: 500 });
  }

  function throughSentinels({ name, sentinels, master }: SentinelGroup): RedisNonceStoreOptions['redis'] {
    const addresses = sentinels.map(({ address }) => address);
    const login = { username: undefined, password: undefined };
    const deployment = { kind: 'sentinel', master: name, addresses, ...login } as const;
    return redisAt(master.address, {
      deployment,
      keyPrefix: newPrefix(),
      maxClockDifferenceMilliseconds: 100,
    });
  }

  it(
    'fail over from a master that is killed under load: nobody is let in twice, and service goes on',
    async () => {
      await underLoad(({ master }) => master.kill());
    },
    TEST_MS,
  );

  it(
    'fail over from a master that stands still, and it wakes up as a second master',
    async () => {
      await underLoad(
        ({ master }) => {
          master.pause();
          return Promise.resolve();
        },
        async ({ master }) => {
          master.resume();
          await pause(2_000);
        },
      );
    },
    TEST_MS,
  );

  it(
    'fail over with one of them dead and on order, and nothing that was let in is forgotten',
    async () => {
      await underLoad(async (group) => {
        await group.sentinels[0]?.kill();
        await orderFailOver(group);
      });
    },
    TEST_MS,
  );
});

// Fault: redis-connection-lost
it(
  'a sentinel behind a connection that trickles is asked over the next one',
  async () => {
    const { name, sentinels, master, all } = await startSentinelGroup();
    servers.push(...all);
    const proxy = await TcpProxy.to(sentinels[0]?.address ?? master.address);
    try {
      const login = { username: undefined, password: undefined };
      const deployment = { kind: 'sentinel', master: name, addresses: [proxy.address], ...login } as const;
      const redis = redisAt(master.address, { deployment, keyPrefix: newPrefix() });
      const store = await stores.open(redis, { ...NO_FUTURE, isNew: true });
      await untilHealthy(store);
      void proxy.trickle();
      await untilSaid(store, /0 of 1 sentinels name/);
      await untilHealthy(store);
    } finally {
      await proxy.close();
    }
  },
  TEST_MS,
);

// Fault: redis-cluster
describe('a cluster', () => {
  async function start(options: Parameters<typeof startCluster>[0] = {}): Promise<RedisCluster> {
    const cluster = await startCluster(options);
    servers.push(...cluster.all);
    return cluster;
  }

  function through(
    { masters }: RedisCluster,
    but: Parameters<typeof redisAt>[1] = {},
  ): RedisNonceStoreOptions['redis'] {
    const addresses = masters.map(({ address }) => address);
    const [first] = addresses;
    if (first === undefined) throw new Error('a cluster without masters');
    return redisAt(first, { deployment: { kind: 'cluster', addresses }, keyPrefix: newPrefix(), ...but });
  }

  it(
    'holds nonces on all of its masters; with one of them dead there is doubt, and nothing is called used',
    async () => {
      const cluster = await start();
      // Of hundreds that go out at once none may be late.
      const [one, other] = await openTwo(through(cluster, { timeoutMilliseconds: 10_000 }));
      const both = [one, other];
      const outcomes = await Promise.all(
        Array.from({ length: 400 }, async (_, at) =>
          Promise.all(both.map(async (store) => (await store.claim(claimNow(at))).kind)),
        ),
      );
      for (const kinds of outcomes) expect(kinds.sort()).toEqual(['claimed', 'replayed']);
      for (const node of cluster.masters) expect(Number(await node.command('DBSIZE'))).toBeGreaterThan(50);
      const limit = { group: 'g', perMinute: 1 };
      expect(await one.rateLimits.reserve(limit, 'a')).toMatchObject({ kind: 'reserved' });
      expect(await other.rateLimits.reserve(limit, 'a')).toMatchObject({ kind: 'limited' });
      await cluster.masters[2]?.kill();
      await pause(200);
      const later = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => one.claim(claimNow(1_000 + at))),
      );
      expect(new Set(later.map(({ kind }) => kind))).not.toContain('replayed');
      expect(later.map(({ kind }) => kind)).toContain('doubt');
    },
    TEST_MS,
  );

  // Fault: redis-failed-over
  it(
    'fails over from a master that is killed under load: nobody is let in twice, and service goes on',
    async () => {
      const cluster = await start({ replicated: true });
      const two = await openTwo(through(cluster));
      const traffic = new Traffic(...two);
      traffic.start();
      await traffic.untilWins(300);
      const bothHaveNoticed = watchLosses(two);
      await cluster.masters[1]?.kill();
      const heir = cluster.replicas[1];
      if (heir === undefined) throw new Error('a cluster without replicas');
      await until('the replica is promoted', () => isMaster(heir), { atMostMs: 60_000 });
      for (const store of two) await untilHealthy(store);
      const wins = traffic.wins();
      await traffic.untilWins(wins + 300);
      await traffic.stop();
      await traffic.replayAll();
      expect(traffic.twice()).toEqual([]);
      await bothHaveNoticed();
    },
    TEST_MS,
  );

  it('spreads keys over its slots by their hash', () => {
    const places = new Set(
      Array.from({ length: 200 }, (_, number) => shardOf(claimNow(number).key, CLUSTER_SHARDS)),
    );
    expect(places.size).toBe(CLUSTER_SHARDS);
  });
});
