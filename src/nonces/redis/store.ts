/**
 * The store that verifiers on several machines share (docs/security-requirements.md#17, #19 to #21; docs/adr/0004-redis.md). Claims
 * are decided in Redis, one atomic script each; on any doubt the answer is doubt, and what may have been claimed
 * all the same is taken back.
 */
import { randomBytes } from 'node:crypto';
import { CircuitBreaker } from '../../storage/redis/circuit-breaker.js';
import { createClockGuard, type ClockGuard } from '../clock-guard.js';
import type {
  ClaimOutcome,
  NonceClaim,
  NonceDoubt,
  NonceStore,
  NonceStoreStatus,
  SharedStoreFigures,
} from '../nonce-store.js';
import { RedisClaimer } from './claimer.js';
import { CLUSTER_SHARDS, RedisKeys, shardOf } from './keys.js';
import { RedisKeeper } from './keeper.js';
import { openRedisLink, type RedisLink } from '../../storage/redis/link.js';
import type { RedisNonceStoreOptions } from './options.js';
import { RedisRateLimits } from '../../rate-limits/redis.js';
import { RedisShard, type ShardEvents } from './shard.js';
import { floorReason, startFloorSeconds } from '../store-health.js';
import { checkNonceStoreOptions } from '../store-options.js';
import { within } from '../../storage/redis/within.js';

/** A `NonceStore` in Redis, with the rate limit that goes with it. */
export interface RedisNonceStore extends NonceStore {
  readonly rateLimits: RedisRateLimits;
  figures(): SharedStoreFigures;
}

/** How long a start waits for Redis before it goes on without: the store is then unhealthy, and recovers by itself. */
const START_PATIENCE_MS = 1_000;
/** How long an end waits for what is owed to Redis. */
const CLOSE_PATIENCE_MS = 1_000;
const VERIFIER_NAME_BYTES = 12;
/** What a value of ours can hold: printable ASCII without a line break. */
const REQUEST_ID = /^[\x20-\x7e]{1,64}$/;

/** Opens the store. Rejects with `StorageError` on impossible options alone: a Redis that is absent may come. */
export async function openRedisNonceStore(options: RedisNonceStoreOptions): Promise<RedisNonceStore> {
  checkNonceStoreOptions(options);
  const store = new SharedStore(options, openRedisLink(options.redis));
  await store.begin(START_PATIENCE_MS);
  return store;
}

class SharedStore implements RedisNonceStore {
  readonly name = 'redis';
  readonly rateLimits: RedisRateLimits;
  readonly #options: RedisNonceStoreOptions;
  readonly #link: RedisLink;
  readonly #breaker = new CircuitBreaker();
  readonly #guard: ClockGuard;
  readonly #shards: readonly RedisShard[];
  readonly #keeper: RedisKeeper;
  readonly #claimer: RedisClaimer;
  readonly #tokens = new WeakMap<NonceClaim, string>();
  #ownFloorSeconds = 0;
  #unknownOutcomes = 0;
  #withdrawals = 0;
  #stateLosses = 0;
  #closed = false;

  constructor(options: RedisNonceStoreOptions, link: RedisLink) {
    const { clock, clockStepMs: stepMs, clockSettleMs: settleMs, futureSkewSeconds } = options;
    this.#options = options;
    this.#link = link;
    this.#guard = createClockGuard({
      clock,
      stepMs,
      settleMs,
      onSettled: (latestMs) => {
        this.#ownFloorSeconds = Math.max(
          this.#ownFloorSeconds,
          startFloorSeconds(latestMs, futureSkewSeconds),
        );
      },
    });
    this.#shards = openShards(options, link, {
      onLoss: (why) => this.#noteLoss(why),
      onWithdrawn: (count) => void (this.#withdrawals += count),
    });
    const breaker = this.#breaker;
    this.#keeper = new RedisKeeper({
      link,
      breaker,
      options,
      shards: this.#shards,
      guard: this.#guard,
    });
    const wake = (): void => this.#keeper.wake();
    const onUnknown = (): void => void (this.#unknownOutcomes += 1);
    this.#claimer = new RedisClaimer({
      link,
      breaker,
      options,
      wake,
      onUnknown,
      onWithdrawn: () => void (this.#withdrawals += 1),
    });
    this.rateLimits = new RedisRateLimits({
      link,
      breaker,
      wake,
      isServing: () => this.#isServing(),
      redis: options.redis,
    });
  }

  begin(atMostMs: number): Promise<void> {
    return this.#keeper.settle(atMostMs);
  }

  claim(claim: NonceClaim): ClaimOutcome | Promise<ClaimOutcome> {
    if (!this.#isServing() || !REQUEST_ID.test(claim.requestId)) return doubt('store_unavailable');
    const nowMs = this.#guard.observe();
    if (nowMs === undefined) return doubt('clock_diverged');
    if (claim.stillWanted?.() === false) return doubt('abandoned');
    if (!this.#insideWindow(claim, Math.floor(nowMs / 1000))) return { kind: 'outside_window' };
    const shard = this.#shardOf(claim);
    if (!shard.isAttached()) return doubt('store_unavailable');
    const token = this.#claimer.newToken();
    this.#tokens.set(claim, token);
    const floorSeconds = this.#ownFloorSeconds;
    return this.#claimer.claim(claim, { shard, token, nowMs: Math.floor(nowMs), floorSeconds });
  }

  async withdraw(claim: NonceClaim): Promise<void> {
    if (this.#closed) return;
    const shard = this.#shardOf(claim);
    const token = this.#tokens.get(claim);
    const [field, value] =
      token === undefined ? (['request', claim.requestId] as const) : (['token', token] as const);
    try {
      const removed = await within(
        shard.withdraw(claim, field, value),
        this.#options.redis.timeoutMilliseconds,
      );
      if (removed) this.#withdrawals += 1;
    } catch {
      if (token !== undefined) shard.debts.owe(claim, token);
      this.#keeper.wake();
    }
  }

  settle(claim: NonceClaim): void {
    const token = this.#tokens.get(claim);
    if (token !== undefined && claim.standsAfterMs !== undefined)
      this.#shardOf(claim).debts.settle(claim, token);
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
      : (this.#keeper.fault() ?? this.#guard.doubt() ?? floorReason(floorSeconds, nowSeconds));
    return unhealthy === undefined ? status : { ...status, unhealthy };
  }

  figures(): SharedStoreFigures {
    return {
      breaker: this.#breaker.state(),
      unknownOutcomes: this.#unknownOutcomes,
      withdrawals: this.#withdrawals,
      withdrawalsOwed: this.#shards.reduce((sum, shard) => sum + shard.debts.owed(), 0),
      stateLosses: this.#stateLosses,
    };
  }

  /** What is owed is paid, as far as that can be done at once: nobody else knows of it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#keeper.stop();
    const paid = Promise.all(this.#shards.map((shard) => shard.debts.pay()));
    await within(paid, CLOSE_PATIENCE_MS).catch(() => undefined);
    this.#link.close();
  }

  #noteLoss(why: string): void {
    this.#stateLosses += 1;
    this.#options.report?.(
      `nonces may have been lost in Redis (${why}): requests signed until now, and the future skew after it, are refused`,
    );
  }

  #isServing(): boolean {
    return !this.#closed && this.#breaker.isClosed() && this.#link.isReady() && this.#link.isVouchedFor();
  }

  #shardOf(claim: NonceClaim): RedisShard {
    const shard = this.#shards[shardOf(claim.key, this.#shards.length)];
    if (shard === undefined) throw new Error('a nonce key outside every shard');
    return shard;
  }

  #insideWindow(claim: NonceClaim, nowSeconds: number): boolean {
    const past = Math.min(claim.pastSkewSeconds, this.#options.pastSkewSeconds);
    const future = Math.min(claim.futureSkewSeconds, this.#options.futureSkewSeconds);
    const { timestampSeconds } = claim;
    return nowSeconds - past <= timestampSeconds && timestampSeconds <= nowSeconds + future;
  }
}

function openShards(
  options: RedisNonceStoreOptions,
  link: RedisLink,
  events: ShardEvents,
): readonly RedisShard[] {
  const { keyPrefix, deployment } = options.redis;
  const verifier = randomBytes(VERIFIER_NAME_BYTES).toString('base64url');
  const shards = deployment.kind === 'cluster' ? CLUSTER_SHARDS : 1;
  return Array.from(
    { length: shards },
    (_, at) => new RedisShard(new RedisKeys(keyPrefix, at, verifier), link, options, { shards, ...events }),
  );
}

function doubt(reason: NonceDoubt): ClaimOutcome {
  return { kind: 'doubt', reason };
}
