/**
 * One place of nonces in Redis, and what this verifier knows about it: whether it may claim there, on which state,
 * how high the floor is, how much is held, and which claims it still has to take back.
 */
import type { NonceClaim } from './nonce-store.js';
import { RedisClock } from './redis-clock.js';
import { RedisDebts } from './redis-debts.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisNonceStoreOptions } from './redis-options.js';
import { failOverGraceSeconds } from './redis-sentinels.js';
import { clocksApart } from './redis-server-check.js';
import { REDIS_SCRIPTS } from './redis-scripts.js';
import { readAttachReply, readClaimReply, readLookReply, type ClaimReply } from './redis-replies.js';

/** A session that nobody renews ends: a day after its verifier has. */
const SESSION_MS = 86_400_000;

/** Who is told of what a shard finds out, whoever has waited for it. */
export interface ShardEvents {
  /** State was lost, or may have been, with claims of this verifier in it: in words, why. */
  readonly onLoss: (why: string) => void;
  /** Owed claims were taken back. */
  readonly onWithdrawn: (count: number) => void;
}

/** Which of how many shards, and who is told of it. */
export interface ShardPlace extends ShardEvents {
  readonly shards: number;
}

export class RedisShard {
  readonly #keys: RedisKeys;
  readonly #link: RedisLink;
  readonly #options: RedisNonceStoreOptions;
  /** Bounds of this shard. */
  readonly #bounds: { readonly maxEntries: number; readonly maxEntriesPerIdentity: number };
  readonly #redisClock: RedisClock;
  readonly #onLoss: ShardEvents['onLoss'];
  /** What Redis has yet to be told. */
  readonly debts: RedisDebts;
  #held = new Map<number, number>();
  #generation = 0;
  #attached = false;
  #lost = false;
  #epoch = '';
  #floorSeconds = 0;

  constructor(
    keys: RedisKeys,
    link: RedisLink,
    options: RedisNonceStoreOptions,
    { shards, onLoss, onWithdrawn }: ShardPlace,
  ) {
    this.#keys = keys;
    this.#link = link;
    this.#options = options;
    this.#redisClock = new RedisClock(options);
    this.#bounds = {
      maxEntries: Math.ceil(options.maxEntries / shards),
      maxEntriesPerIdentity: Math.ceil(options.maxEntriesPerIdentity / shards),
    };
    this.#onLoss = onLoss;
    this.debts = new RedisDebts({
      withdraw: (claim, token) => this.withdraw(claim, 'token', token),
      settle: (claims) => this.#settle(claims),
      timeoutMilliseconds: options.redis.timeoutMilliseconds,
      mayPay: () => this.#attached && link.isReady(),
      onWithdrawn,
    });
  }

  isAttached(): boolean {
    return this.#attached;
  }

  floorSeconds(): number {
    return this.#floorSeconds;
  }

  /** Which attachment claims are made under; an older one cannot claim any more. */
  generation(): number {
    return this.#generation;
  }

  /** Claims that are remembered with timestamps after `throughSeconds`, as last heard, by all verifiers. */
  entriesAfter(throughSeconds: number): number {
    let entries = 0;
    for (const [second, count] of this.#held) if (second > throughSeconds) entries += count;
    return entries;
  }

  /** No claim goes out until the shard is attached anew. `generation`: of the claim that noticed; an old one is no news. */
  detach(generation = this.#generation): void {
    if (generation === this.#generation) this.#attached = false;
  }

  /** What was claimed may be gone: the next attachment raises the floor. */
  lose(): void {
    this.#lost = true;
    this.#attached = false;
  }

  /**
   * Attaches under a new generation, so that nothing of an earlier connection can claim after it. Resolves with a
   * fault, if there is one; rejects with the client's error. What was lost is told where the new epoch is taken over, for
   * by then nobody may wait for this any longer, and the next attachment finds nothing new.
   */
  async attach(nowMs: number): Promise<string | undefined> {
    this.#generation += 1;
    const generation = this.#generation;
    const knewLoss = this.#lost;
    const sentMs = this.#options.clock.monotonicMs();
    const reply = readAttachReply(
      await this.#link.run(
        REDIS_SCRIPTS.attach,
        [this.#keys.state, this.#keys.session],
        [...this.#attachArguments(nowMs), SESSION_MS, graceSeconds(this.#options)],
      ),
    );
    if (reply.kind === 'replica') return 'the Redis server is a replica: name its master, or the sentinels';
    if (reply.kind === 'diverged') return clocksApart(reply.byMs);
    if (generation !== this.#generation) return 'attached again in the meantime';
    this.#redisClock.set(reply.redisMs, sentMs);
    this.#floorSeconds = reply.floorSeconds;
    this.#epoch = reply.epoch;
    if (knewLoss) this.#lost = false;
    this.#attached = !this.#lost;
    if (reply.lost !== '') this.#onLoss(reply.lost);
    return undefined;
  }

  /**
   * Looks whether the shard would take a claim. Resolves with a fault of the clocks, if there is one; rejects with
   * the client's error when Redis would not take a claim.
   */
  async look(): Promise<string | undefined> {
    const generation = this.#generation;
    const sentMs = this.#options.clock.monotonicMs();
    const reply = readLookReply(
      await this.#link.run(
        REDIS_SCRIPTS.look,
        [this.#keys.state, this.#keys.session, this.#keys.held],
        [generation, SESSION_MS],
      ),
    );
    // A session is replicated: on a promoted server ours is there still, once another verifier has begun an epoch on it.
    if (reply.kind === 'detached' || reply.epoch !== this.#epoch) {
      this.detach(generation);
      return undefined;
    }
    this.#floorSeconds = Math.max(this.#floorSeconds, reply.floorSeconds);
    this.#held = new Map(reply.held);
    const { jumped, fault } = this.#redisClock.watch(reply.redisMs, sentMs);
    // A clock that jumped ahead has made keys expire before their time, also when it has jumped back since.
    if (jumped) this.lose();
    return fault;
  }

  /** Sends a claim. Rejects with the client's error. */
  async claim(claim: NonceClaim, token: string, nowMs: number, floorSeconds: number): Promise<ClaimReply> {
    const { pastSkewSeconds, futureSkewSeconds, redis } = this.#options;
    const keys = this.#keys;
    const reply = readClaimReply(
      await this.#link.run(
        REDIS_SCRIPTS.claim,
        [keys.nonce(claim.key), keys.state, keys.session, keys.held, keys.heldBy(claim.identity)],
        [
          this.#generation,
          nowMs,
          claim.timestampSeconds,
          pastSkewSeconds,
          futureSkewSeconds,
          redis.maxClockDifferenceMilliseconds ?? '',
          floorSeconds,
          this.#bounds.maxEntries,
          this.#bounds.maxEntriesPerIdentity,
          token,
          claim.requestId,
          this.#redisClock.deadlineMs(),
          claim.standsAfterMs === undefined ? '' : 1,
        ],
      ),
    );
    if (reply.kind === 'claimed') this.#count(claim.timestampSeconds, 1);
    if (reply.kind === 'claimed' || reply.kind === 'below_floor')
      this.#floorSeconds = Math.max(this.#floorSeconds, reply.floorSeconds);
    return reply;
  }

  /** Removes an entry if it is that of its owner, told by `field`. Resolves with whether it was; may reject. */
  async withdraw(claim: NonceClaim, field: 'token' | 'request', value: string): Promise<boolean> {
    const keys = this.#keys;
    const second = await this.#link.run(
      REDIS_SCRIPTS.withdraw,
      [keys.nonce(claim.key), keys.held, keys.heldBy(claim.identity)],
      [field, value],
    );
    if (typeof second !== 'number' || second < 0) return false;
    this.#count(second, -1);
    return true;
  }

  async #settle(claims: readonly (readonly [token: string, claim: NonceClaim])[]): Promise<void> {
    await this.#link.run(
      REDIS_SCRIPTS.settle,
      claims.map(([, { key }]) => this.#keys.nonce(key)),
      claims.map(([token]) => token),
    );
  }

  #attachArguments(nowMs: number): (string | number)[] {
    const { pastSkewSeconds, futureSkewSeconds, redis, isNew } = this.#options;
    return [
      this.#generation,
      nowMs,
      pastSkewSeconds,
      futureSkewSeconds,
      redis.maxClockDifferenceMilliseconds ?? '',
      this.#epoch,
      this.#lost ? 1 : '',
      // What was there once is not new when it is missing.
      isNew === true && this.#epoch === '' ? 1 : '',
    ];
  }

  #count(second: number, change: number): void {
    this.#held.set(second, Math.max(0, (this.#held.get(second) ?? 0) + change));
  }
}

/** A server that stands alone is replaced by itself alone: nobody can still claim on a former one. */
function graceSeconds({ redis }: RedisNonceStoreOptions): number {
  return redis.deployment.kind === 'standalone' ? 0 : failOverGraceSeconds(redis.timeoutMilliseconds);
}
