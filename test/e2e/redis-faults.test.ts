/**
 * A Redis that dies, stands still, fills up, turns away, forgets or is not there yet, under two verifiers behind a
 * real Envoy, with traffic all the while: nothing is let through twice, doubt lets nothing through, and service is
 * back with Redis.
 *
 * The window ahead is 0 s: the floor that follows a loss is over with the second in which it was noticed, and what
 * the clocks may lie apart.
 */
// Faults: every test
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { Twins } from './support/twins.js';
import { expectUnready, floorsOf, haveRisen, untilReady, untilSettled } from './support/twins-health.js';
import { TwinsLoad } from './support/twins-load.js';

/** Requests that are let through before anything happens. */
const ACCEPTED_BEFORE = 50;
const AFTER_MILLISECONDS = 300;
/** How long a fault lasts once it is noticed. */
const FAULT_MILLISECONDS = 400;
const CLOCKS_APART_MILLISECONDS = 500;
/** Of Redis's return; what is promised is about a second, and this machine may be busy. */
const RETURN_MILLISECONDS = 15_000;
const TEST_MILLISECONDS = 120_000;

let redis: RedisServer;
let twins: Twins;

beforeAll(async () => {
  redis = await RedisServer.start({ directives: ['appendonly yes', 'appendfsync everysec'] });
  twins = await Twins.open({
    redis: redis.address,
    patchConfiguration: (document) => ({
      ...document,
      nonces: {
        ...document.nonces,
        redis: {
          ...document.nonces?.redis,
          maxClockDifferenceMilliseconds: CLOCKS_APART_MILLISECONDS,
        },
      },
      freshness: { pastSkewSeconds: 300, futureSkewSeconds: 0 },
      limits: { checkTimeoutMilliseconds: 5_000, drainMilliseconds: 2_000, drainDelayMilliseconds: 0 },
    }),
  });
}, 120_000);
afterAll(async () => {
  await twins.close();
  await redis.remove();
}, 120_000);

/** By the application's list of the last thousand requests. */
async function expectNoSecondArrival(): Promise<void> {
  const nonces = (await twins.stage.arrivals()).map(
    ({ headers }) => headers.find(([name]) => name.toLowerCase() === 'x-telemetry-nonce')?.[1],
  );
  expect(nonces).toHaveLength(new Set(nonces).size);
}

/** What a fault is: how it begins, what the verifiers say of it, and how Redis comes back. */
interface Fault {
  readonly begin: () => unknown;
  /** In words of the verifiers' readiness; or how to see that they have noticed. */
  readonly reason: RegExp | (() => Promise<void>);
  readonly end: () => unknown;
}

/** Traffic before, during and after; resolves when both serve again and the last request is answered. */
async function underLoad(title: string, { begin, reason, end }: Fault): Promise<TwinsLoad> {
  const load = new TwinsLoad(twins);
  try {
    await until('requests are let through', () => load.answered(202).length > ACCEPTED_BEFORE);
    await begin();
    await (reason instanceof RegExp ? expectUnready(twins, reason) : reason());
    await sleep(FAULT_MILLISECONDS);
    await end();
    const backMs = performance.now();
    await until('both let requests through again', () => load.served(backMs) !== undefined);
    const servedMs = load.served(backMs) ?? Infinity;
    console.log(
      `${title}: both verifiers let requests through ${servedMs.toFixed(0)} ms after Redis was back`,
    );
    expect(servedMs).toBeLessThan(RETURN_MILLISECONDS);
    await sleep(AFTER_MILLISECONDS);
  } finally {
    await load.stop();
  }
  await untilReady(twins);
  await untilSettled(twins);
  return load;
}

/** Counts of statuses, for an assertion that shows all of them. */
function tally(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const statusesOf = (sent: readonly { readonly status: number }[]): number[] =>
  sent.map(({ status }) => status);
const others = (statuses: readonly number[], ...allowed: readonly number[]): number[] =>
  statuses.filter((status) => !allowed.includes(status));

/** First answers are 202 or 503, those to copies 409 or 503, and nothing arrived twice. */
async function expectFirstAnswers(load: TwinsLoad): Promise<void> {
  expect(others(statusesOf(load.originals), 202, 503)).toEqual([]);
  expect(others(statusesOf(load.copies), 409, 503)).toEqual([]);
  expect(load.answered(503).length).toBeGreaterThan(0);
  await expectNoSecondArrival();
}

/** Nothing was lost: replays are called replays, and what was refused in doubt passes once, at the other door. */
async function expectNothingLost(load: TwinsLoad): Promise<void> {
  await expectFirstAnswers(load);
  const again = (await load.againUntilSettled(load.answered(202))).flat();
  expect(tally(again)).toEqual({ 409: again.length });
  const retried = await load.againUntilSettled(load.answered(503));
  load.close();
  expect(tally(retried.map(([first]) => first))).toEqual({ 202: retried.length });
  expect(tally(retried.map(([, then]) => then))).toEqual({ 409: retried.length });
}

/**
 * What may have been lost is refused, at both doors; what was refused in doubt passes once at most. It is called a
 * replay only where verifiers ended that still had a claim to take back.
 */
async function expectFloor(load: TwinsLoad, ofDoubted: readonly number[] = [202, 503]): Promise<number[]> {
  await expectFirstAnswers(load);
  const again = (await load.again(load.answered(202))).flat();
  expect(others(again, 409, 503)).toEqual([]);
  for (const [first, then] of await load.again(load.answered(503))) {
    expect(ofDoubted).toContain(first);
    expect(first === 202 ? [409, 503] : ofDoubted).toContain(then);
  }
  load.close();
  await expectNoSecondArrival();
  return again;
}

const config = (name: string, value: string): Promise<unknown> => redis.command('CONFIG', 'SET', name, value);

// Fault: redis-paused, redis-full, redis-replicas
test.each<[string, Fault]>([
  [
    'stands still and goes on',
    {
      begin: () => redis.pause(),
      reason: /nonce_store: .*(?:no answer|does not answer|cannot be reached)/,
      end: () => redis.resume(),
    },
  ],
  [
    'is out of memory until there is some',
    {
      begin: () => config('maxmemory', '1mb'),
      reason: /nonce_store: .*OOM/,
      end: () => config('maxmemory', '0'),
    },
  ],
  [
    'takes no writes for want of replicas',
    {
      begin: () => config('min-replicas-to-write', '1'),
      reason: /nonce_store: .*NOREPLICAS/,
      end: () => config('min-replicas-to-write', '0'),
    },
  ],
])(
  'a Redis that %s: nothing passes twice, and no request is lost to its producer',
  async (title, fault) => {
    await expectNothingLost(await underLoad(title, fault));
  },
  TEST_MILLISECONDS,
);

// Fault: redis-killed, redis-read-only
test.each<[string, Fault]>([
  [
    'is killed and comes back with its append-only file',
    {
      begin: () => redis.kill(),
      reason: /nonce_store: .*cannot be reached: .*ECONNREFUSED/,
      end: () => redis.start(),
    },
  ],
  [
    'is made a replica, which is read-only, and a master again',
    {
      begin: () => redis.command('REPLICAOF', '127.0.0.1', '1'),
      reason: /nonce_store: .*replica/,
      end: () => redis.command('REPLICAOF', 'NO', 'ONE'),
    },
  ],
])(
  'a Redis that %s may have lost something: what it still knows is a replay, nothing passes twice',
  async (title, fault) => {
    const before = await floorsOf(twins);
    const again = await expectFloor(await underLoad(title, fault));
    expect(haveRisen(before, await floorsOf(twins))).toBe(true);
    expect(again.filter((status) => status === 409).length).toBeGreaterThan(0);
  },
  TEST_MILLISECONDS,
);

// Fault: redis-flushed
test(
  'a Redis that is flushed: what was let through before stays refused, by both verifiers',
  async () => {
    const before = await floorsOf(twins);
    const load = await underLoad('is flushed', {
      begin: () => redis.command('FLUSHALL'),
      reason: () =>
        until('both floors have risen', async () => haveRisen(before, await floorsOf(twins)), {
          atMostMs: 30_000,
        }),
      end: () => undefined,
    });
    const again = await expectFloor(load);
    expect(again.filter((status) => status === 503).length).toBeGreaterThan(0);
  },
  TEST_MILLISECONDS,
);

// Fault: redis-absent, redis-killed
test(
  'a Redis that is absent when the verifiers start: they live, say what is missing, and serve when it comes',
  async () => {
    const load = await underLoad('is absent at the start', {
      begin: async () => {
        await redis.kill();
        await twins.restart();
      },
      reason: /nonce_store: .*cannot be reached: .*ECONNREFUSED/,
      end: () => redis.start(),
    });
    await expectFloor(load, [202, 409, 503]);
    await twins.untilServing();
  },
  TEST_MILLISECONDS,
);
