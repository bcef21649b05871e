/**
 * The store that verifiers on several machines share (docs/security-requirements.md#17, #19 to #21; docs/adr/0004-redis.md). Claims
 * are decided in Redis, one atomic script each; on any doubt the answer is doubt, and what may have been claimed
 * all the same is taken back.
 */
import { randomBytes } from 'node:crypto';
import { RedisRateLimits } from '../../rate-limits/redis.js';
import { within } from '../../storage/deadline.js';
import { RedisConnection } from '../../storage/redis/connection.js';
import { ClockStepDetector } from '../clock-step-detector.js';
import {
  checkNonceStoreOptions,
  isClaimInsideWindow,
  type ClaimDelivery,
  type ClaimOutcome,
  type NonceClaim,
  type NonceDoubt,
  type NonceStore,
  type NonceStoreStatus,
  type SharedStoreFigures,
} from '../nonce-store.js';
import { floorReason, startFloorSeconds } from '../store-status.js';
import type { ClaimOwner } from './claim-scripts.js';
import { RedisClaims } from './claims.js';
import { RedisHealthMonitor } from './health-monitor.js';
import type { RedisNonceStoreOptions } from './options.js';
import { RedisShard } from './shard.js';
import { CLUSTER_SHARDS, RedisKeys, shardOf } from './state-scripts.js';

/** A `NonceStore` in Redis, with the rate limit that goes with it. */
export interface RedisNonceStore extends NonceStore {
  readonly rateLimits: RedisRateLimits;
  figures(): SharedStoreFigures;
}

/** How long a start waits for Redis before it goes on without: the store is then unhealthy, and recovers by itself. */
const START_WAIT_MS = 1_000;
/** How long an end waits for what Redis has yet to be told. */
const CLOSE_WAIT_MS = 1_000;
const VERIFIER_NAME_BYTES = 12;
/** What a value of ours can hold: printable ASCII without a line break. */
const REQUEST_ID = /^[\x20-\x7e]{1,64}$/;

/** Opens the store. Rejects with `StorageError` on impossible options alone: a Redis that is absent may come. */
export async function openRedisNonceStore(options: RedisNonceStoreOptions): Promise<RedisNonceStore> {
  checkNonceStoreOptions(options);
  const store = new SharedStore(options);
  await store.begin(START_WAIT_MS);
  return store;
}

class SharedStore implements RedisNonceStore {
  readonly name = 'redis';
  readonly rateLimits: RedisRateLimits;
  readonly #options: RedisNonceStoreOptions;
  readonly #connection: RedisConnection;
  readonly #guard: ClockStepDetector;
  readonly #shards: readonly RedisShard[];
  readonly #monitor: RedisHealthMonitor;
  readonly #claims: RedisClaims;
  readonly #tokens = new WeakMap<NonceClaim, string>();
  #ownFloorSeconds = 0;
  #stateLosses = 0;
  #closed = false;

  constructor(options: RedisNonceStoreOptions) {
    const { redis } = options;
    const connection = new RedisConnection(redis);
    this.#options = options;
    this.#connection = connection;
    this.#guard = this.#guardClock(options);
    this.#shards = openShards(options, connection, (why) => this.#noteLoss(why));
    this.#monitor = new RedisHealthMonitor({
      connection,
      options,
      shards: this.#shards,
      guard: this.#guard,
    });
    const onFault = (): void => this.#monitor.lookNow();
    this.#claims = new RedisClaims(connection, options, onFault);
    this.rateLimits = new RedisRateLimits({
      connection,
      redis,
      onFault,
      isServing: () => this.#isServing(),
    });
  }

  begin(atMostMs: number): Promise<void> {
    return this.#monitor.untilHealthy(atMostMs);
  }

  claim(claim: NonceClaim): ClaimOutcome | Promise<ClaimOutcome> {
    if (!this.#isServing() || !REQUEST_ID.test(claim.requestId)) return doubt('store_unavailable');
    const nowMs = this.#guard.observe();
    if (nowMs === undefined) return doubt('clock_diverged');
    if (claim.stillWanted?.() === false) return doubt('abandoned');
    if (!isClaimInsideWindow(claim, this.#options, nowMs)) return { kind: 'outside_window' };
    const shard = this.#shardOf(claim);
    if (!shard.isAttached()) return doubt('store_unavailable');
    const token = this.#claims.newToken();
    this.#tokens.set(claim, token);
    const floorSeconds = this.#ownFloorSeconds;
    return this.#claims.claim(claim, { shard, token, nowMs: Math.floor(nowMs), floorSeconds });
  }

  async withdraw(claim: NonceClaim): Promise<void> {
    if (this.#closed) return;
    const shard = this.#shardOf(claim);
    const token = this.#tokens.get(claim);
    const owner: ClaimOwner = token === undefined ? ['request', claim.requestId] : ['token', token];
    try {
      await within(shard.withdraw(claim, owner), this.#options.redis.timeoutMilliseconds);
    } catch {
      if (token !== undefined) shard.pending.addWithdrawal(claim, token);
      this.#monitor.lookNow();
    }
  }

  settle(claim: NonceClaim): void {
    const token = this.#tokens.get(claim);
    if (token !== undefined && claim.standsAfterMs !== undefined)
      this.#shardOf(claim).pending.addSettlement(claim, token);
  }

  /** Kept while Redis is away. */
  noteDeliveries(deliveries: readonly ClaimDelivery[]): void {
    if (this.#closed) return;
    for (const [shard, positions] of this.#byShard(deliveries.map(({ key }) => key)))
      shard.pending.addDeliveries(positions.flatMap((at) => deliveries[at] ?? []));
  }

  async areAwaited(keys: readonly Buffer[]): Promise<readonly boolean[]> {
    const awaited = keys.map(() => true);
    if (!this.#isServing()) return awaited;
    const asked = [...this.#byShard(keys)].map(async ([shard, positions]) => {
      const replies = await shard.areAwaited(positions.flatMap((at) => keys[at] ?? []));
      positions.forEach((at, index) => (awaited[at] = replies[index] !== false));
    });
    await within(Promise.all(asked), this.#options.redis.timeoutMilliseconds).catch(() => undefined);
    return awaited;
  }

  status(): NonceStoreStatus {
    const nowMs = this.#guard.observe() ?? this.#options.clock.nowMs();
    const nowSeconds = Math.floor(nowMs / 1000);
    const through = nowSeconds - this.#options.pastSkewSeconds - 1;
    const entries = this.#shards.reduce((sum, shard) => sum + shard.entriesAfter(through), 0);
    const floorSeconds = Math.max(
      this.#ownFloorSeconds,
      ...this.#shards.map((shard) => shard.floorSeconds()),
    );
    const clockSteps = this.#guard.steps();
    const status = { entries, maxEntries: this.#options.maxEntries, floorSeconds, clockSteps };
    const unhealthy = this.#closed
      ? 'the store is closed'
      : (this.#monitor.fault() ?? this.#guard.doubt() ?? floorReason(floorSeconds, nowSeconds));
    return unhealthy === undefined ? status : { ...status, unhealthy };
  }

  figures(): SharedStoreFigures {
    const sumOf = (count: (shard: RedisShard) => number): number =>
      this.#shards.reduce((sum, shard) => sum + count(shard), 0);
    return {
      breaker: this.#connection.breaker.state(),
      unknownOutcomes: this.#claims.unknownOutcomes(),
      withdrawals: sumOf((shard) => shard.withdrawals()),
      withdrawalsOwed: sumOf((shard) => shard.pending.withdrawals()),
      stateLosses: this.#stateLosses,
    };
  }

  /** Redis is told what is pending, as far as that can be done at once: nobody else knows of it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#monitor.stop();
    const told = Promise.all(this.#shards.map((shard) => shard.pending.send()));
    await within(told, CLOSE_WAIT_MS).catch(() => undefined);
    this.#connection.close();
  }

  #guardClock(options: RedisNonceStoreOptions): ClockStepDetector {
    const { clock, clockStepMs: stepMs, clockSettleMs: settleMs, futureSkewSeconds } = options;
    const onSettled = (latestMs: number): void => {
      const floorSeconds = startFloorSeconds(latestMs, futureSkewSeconds);
      this.#ownFloorSeconds = Math.max(this.#ownFloorSeconds, floorSeconds);
    };
    return new ClockStepDetector({ clock, stepMs, settleMs, onSettled });
  }

  #noteLoss(why: string): void {
    this.#stateLosses += 1;
    this.#options.report?.(
      `nonces may have been lost in Redis (${why}): requests signed until now, and the future skew after it, are refused`,
    );
  }

  #isServing(): boolean {
    const { breaker } = this.#connection;
    return (
      !this.#closed &&
      breaker.isClosed() &&
      this.#connection.isReady() &&
      this.#connection.isMasterConfirmed()
    );
  }

  #shardOf({ key }: Pick<NonceClaim, 'key'>): RedisShard {
    const shard = this.#shards[shardOf(key, this.#shards.length)];
    if (shard === undefined) throw new Error('a nonce key outside every shard');
    return shard;
  }

  /** The positions of the keys of each shard. */
  #byShard(keys: readonly Buffer[]): Map<RedisShard, number[]> {
    const positions = new Map<RedisShard, number[]>();
    keys.forEach((key, at) => {
      const shard = this.#shardOf({ key });
      const known = positions.get(shard);
      if (known === undefined) positions.set(shard, [at]);
      else known.push(at);
    });
    return positions;
  }
}

function openShards(
  options: RedisNonceStoreOptions,
  connection: RedisConnection,
  onLoss: (why: string) => void,
): readonly RedisShard[] {
  const { keyPrefix, deployment } = options.redis;
  const verifier = randomBytes(VERIFIER_NAME_BYTES).toString('base64url');
  const shards = deployment.kind === 'cluster' ? CLUSTER_SHARDS : 1;
  const keys = Array.from({ length: shards }, (_, at) => new RedisKeys(keyPrefix, at, verifier));
  return keys.map((each) => new RedisShard(each, connection, options, { shards, onLoss }));
}

function doubt(reason: NonceDoubt): ClaimOutcome {
  return { kind: 'doubt', reason };
}
