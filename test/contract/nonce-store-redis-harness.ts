/** Redis stores of one test file: each opened with a key prefix of its own, all closed at the end of their test. */
import type { RedisNonceStoreOptions } from '../../src/nonces/redis/options.js';
import { openRedisNonceStore, type RedisNonceStore } from '../../src/nonces/redis/store.js';
import type { RedisAddress } from '../../src/storage/redis/settings.js';
import type { NonceStore } from '../../src/nonces/nonce-store.js';
import { until } from '../support/until.js';
import { Traffic } from './nonce-store-redis-traffic.js';

/** Settings of one server, where nothing but the address matters. */
export function redisAt(
  address: RedisAddress,
  but: Partial<RedisNonceStoreOptions['redis']> = {},
): RedisNonceStoreOptions['redis'] {
  return {
    deployment: { kind: 'standalone', address },
    database: 0,
    username: undefined,
    password: undefined,
    tls: undefined,
    keyPrefix: 'countersign',
    timeoutMilliseconds: 200,
    waitReplicas: 0,
    ...but,
  };
}

/** Resolves when the store would let an event in that is signed now. */
export async function untilHealthy(store: NonceStore): Promise<void> {
  await until('the store is healthy', () => store.status().unhealthy === undefined);
}

/** Resolves when the store has noticed a fault by itself, and says so. */
export async function untilSaid(store: NonceStore, reason: RegExp): Promise<void> {
  await until(`it is said: ${String(reason)}`, () => reason.test(store.status().unhealthy ?? ''));
}

/** Begins to watch; what it gives resolves when each of the stores has noticed a loss of state since. */
export function watchLosses(watched: readonly RedisNonceStore[]): () => Promise<void> {
  const losses = (): number[] => watched.map((store) => store.figures().stateLosses);
  const before = losses();
  return () => until('each of them has noticed', () => losses().every((count, at) => count !== before[at]));
}

/** Prints with MEASURE=1 how long it took after a fault until Redis decided claims, and until an event was let in. */
export function showReturn({ decidedMs, servedMs }: Record<'decidedMs' | 'servedMs', number>): void {
  if (process.env['MEASURE'] !== '1') return;
  const { currentTestName = '' } = expect.getState();
  const times = `decided after ${decidedMs.toFixed(0)} ms, served after ${(decidedMs + servedMs).toFixed(0)} ms`;
  process.stderr.write(`${currentTestName}: ${times}\n`);
}

let prefixes = 0;

/** A prefix that no other store of this run has. */
export function newPrefix(): string {
  prefixes += 1;
  return `test-${process.pid}-${prefixes}`;
}

/** Opens stores by the clock of the machine, and closes them after their test. */
export class RedisStores {
  readonly #opened: RedisNonceStore[] = [];

  constructor() {
    afterEach(() => this.closeAll());
  }

  async open(
    redis: RedisNonceStoreOptions['redis'],
    but: Partial<RedisNonceStoreOptions> = {},
  ): Promise<RedisNonceStore> {
    const store = await openRedisNonceStore({
      clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
      pastSkewSeconds: 30,
      futureSkewSeconds: 30,
      maxEntries: 1_000_000,
      maxEntriesPerIdentity: 1_000_000,
      redis,
      ...but,
    });
    this.#opened.push(store);
    return store;
  }

  /** Also ends the traffic of a test that has failed. */
  async closeAll(): Promise<void> {
    await Traffic.stopAll();
    for (const store of this.#opened.splice(0)) await store.close();
  }
}
