/** The contract of every execution store over a real Redis, and what it makes of one that fails. */
import { setTimeout as pause } from 'node:timers/promises';
import { openExecutionStore } from '../../src/serve/stores.js';
import { openRedisExecutionStore } from '../../src/executions/redis-store.js';
import type { ExecutionStore } from '../../src/executions/execution-store.js';
import { startCluster } from '../support/redis-groups.js';
import { RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { describeExecutionStore, knownOf, rememberEach } from './execution-store-contract.js';
import { numberedPair, OTHER_TENANT, ROOMY, START_MS, TENANT } from './execution-pairs.js';
import { newPrefix, redisAt } from './nonce-store-redis-harness.js';

const TIMEOUT = { timeoutMilliseconds: 2_000 };

let server: RedisServer;
const opened: ExecutionStore[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.remove());
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

describeExecutionStore('redis', (bounds) =>
  openRedisExecutionStore({
    ...bounds,
    redis: redisAt(server.address, { keyPrefix: newPrefix(), ...TIMEOUT }),
  }),
);

function openAt(
  redis: Parameters<typeof redisAt>[1],
  bounds = ROOMY,
  address = server.address,
): ExecutionStore {
  const store = openRedisExecutionStore({ ...bounds, redis: redisAt(address, { ...TIMEOUT, ...redis }) });
  opened.push(store);
  return store;
}

describe('two replicas with one Redis', () => {
  it('know what was submitted through the other one, and of the same tenant alone', async () => {
    const keyPrefix = newPrefix();
    const [one, other] = [openAt({ keyPrefix }), openAt({ keyPrefix })];
    await one.remember(numberedPair(1), START_MS);
    expect(await other.has(numberedPair(1), START_MS)).toBe(true);
    expect(await other.has(numberedPair(1, OTHER_TENANT), START_MS)).toBe(false);
  });

  it('keep the bounds between them', async () => {
    const keyPrefix = newPrefix();
    const bounds = { ...ROOMY, maxPerTenant: 3, maxInAll: 4 };
    const [one, other] = [openAt({ keyPrefix }, bounds), openAt({ keyPrefix }, bounds)];
    await rememberEach(
      one,
      [0, 1, 2].map((number) => numberedPair(number, OTHER_TENANT)),
    );
    for (let number = 0; number < 4; number += 1)
      await other.remember(numberedPair(number), START_MS + 100 + number);
    expect(await knownOf(one, 4)).toEqual([1, 2, 3]);
    expect(await knownOf(one, 3, OTHER_TENANT)).toEqual([2]);
  });

  it('know it after a start, and leave nothing for ever', async () => {
    const keyPrefix = newPrefix();
    const first = openAt({ keyPrefix });
    await first.remember(numberedPair(1), START_MS);
    await first.close();
    expect(await openAt({ keyPrefix }).has(numberedPair(1), START_MS)).toBe(true);
    const lives = await server.command('PTTL', `${keyPrefix}:{executions}:all`);
    expect(Number(lives)).toBeGreaterThan(ROOMY.retentionSeconds * 1000);
    expect(Number(lives)).toBeLessThan(2 * ROOMY.retentionSeconds * 1000);
  });

  it('are asked for the thousand pairs of one answer at once', async () => {
    const store = openAt({ keyPrefix: newPrefix() });
    const some = Array.from({ length: 700 }, (_, number) => numberedPair(number));
    await Promise.all(some.map((pair) => store.remember(pair, START_MS)));
    const before = await commandsOf('evalsha');
    expect(await knownOf(store, 1_000)).toHaveLength(700);
    expect((await commandsOf('evalsha')) - before).toBe(2);
  });

  async function commandsOf(name: string): Promise<number> {
    const info = String(await server.command('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${name}:calls=([0-9]+)`).exec(info)?.[1] ?? 0);
  }
});

describe('doubt', () => {
  const pair = numberedPair(1);

  it('is a rejection while Redis is away or stands still, and is over when it is back', async () => {
    const own = await RedisServer.reserve({ directives: ['appendonly yes', 'appendfsync always'] });
    try {
      const store = openAt({ keyPrefix: 'p', timeoutMilliseconds: 300 }, ROOMY, own.address);
      await expect(store.remember(pair, START_MS)).rejects.toThrow(/cannot be reached|no answer within/);
      await expect(store.has(pair, START_MS)).rejects.toThrow();
      await own.start();
      await until('the pair is kept', () => isKept(store));
      own.pause();
      await expect(store.has(pair, START_MS)).rejects.toThrow('no answer within 300 ms');
      own.resume();
      await until('the pair is known', async () => (await quietly(store)) === true);
      await own.kill();
      await expect(store.has(pair, START_MS)).rejects.toThrow();
      await own.start();
      // It has lost its scripts, and not what its disk has.
      await until('the pair is known again', async () => (await quietly(store)) === true);
    } finally {
      await own.remove();
    }
  });

  it.each(['silence', 'trickle'] as const)(
    'is over with the connection that is given up: %s',
    async (fault) => {
      const proxy = await TcpProxy.to(server.address);
      try {
        const store = openAt({ keyPrefix: newPrefix(), timeoutMilliseconds: 300 }, ROOMY, proxy.address);
        await until('the pair is kept', () => isKept(store));
        const ended = proxy[fault]();
        await expect(store.has(pair, START_MS)).rejects.toThrow('no answer within 300 ms');
        await ended;
        await until('the pair is known', async () => (await quietly(store)) === true);
      } finally {
        await proxy.close();
      }
    },
  );

  it('is over with the connection whose answers are those of other questions', async () => {
    const proxy = await TcpProxy.to(server.address);
    try {
      const store = openAt({ keyPrefix: newPrefix(), timeoutMilliseconds: 300 }, ROOMY, proxy.address);
      await until('the pair is kept', () => isKept(store));
      proxy.losesAnswers = true;
      await expect(store.has(pair, START_MS)).rejects.toThrow('no answer within 300 ms');
      proxy.losesAnswers = false;
      await until('the pair is known', async () => (await quietly(store)) === true);
    } finally {
      await proxy.close();
    }
  });

  it('is a rejection of what a full Redis cannot keep, and what it has is still known', async () => {
    const store = openAt({ keyPrefix: newPrefix() });
    await store.remember(pair, START_MS);
    await server.command('CONFIG', 'SET', 'maxmemory', '1mb');
    try {
      await expect(store.remember(numberedPair(2), START_MS)).rejects.toThrow('OOM');
      expect(await knownOf(store, 3)).toEqual([1]);
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0');
    }
  });

  it('is not what a flushed Redis leaves: the pair is unknown until it is submitted again', async () => {
    const store = openAt({ keyPrefix: newPrefix() });
    await store.remember(pair, START_MS);
    await server.command('FLUSHALL');
    await server.command('SCRIPT', 'FLUSH');
    expect(await store.has(pair, START_MS)).toBe(false);
    await store.remember(pair, START_MS);
    expect(await store.has(pair, START_MS)).toBe(true);
  });

  async function isKept(store: ExecutionStore): Promise<boolean> {
    return store.remember(pair, START_MS).then(
      () => true,
      () => false,
    );
  }

  async function quietly(store: ExecutionStore): Promise<boolean | undefined> {
    try {
      return await store.has(pair, START_MS);
    } catch {
      await pause(20);
      return undefined;
    }
  }
});

it('a cluster keeps all of it in one slot', async () => {
  const cluster = await startCluster();
  try {
    const addresses = cluster.masters.map(({ address }) => address);
    const store = openAt(
      { deployment: { kind: 'cluster', addresses } },
      { ...ROOMY, maxPerTenant: 2, maxInAll: 3 },
    );
    const tenants = [TENANT, OTHER_TENANT, 'a third one'];
    for (const tenant of tenants)
      await rememberEach(
        store,
        [0, 1].map((number) => numberedPair(number, tenant)),
      );
    const known = await Promise.all(tenants.map((tenant) => knownOf(store, 2, tenant)));
    expect(known.flat()).toHaveLength(3);
  } finally {
    for (const node of cluster.all) await node.remove();
  }
}, 120_000);

it('is the store that goes with nonces in Redis', () => {
  const nonces = {
    store: 'redis',
    maxEntries: 10,
    maxEntriesPerIdentity: 10,
    redis: { ...redisAt(server.address, { keyPrefix: newPrefix() }), maxClockDifferenceMilliseconds: 2_000 },
  } as const;
  const store = openExecutionStore({ maxPerTenant: 10, retentionSeconds: 60 }, nonces);
  opened.push(store);
  expect(store.name).toBe('redis');
});
