/**
 * One place of nonces in Redis, and what this verifier knows about it: whether it may claim there, on which state,
 * how high the floor is, how much is held, and which claims it still has to take back.
 */
import type { NonceClaim } from './nonce-store.js';
import { RedisClock } from './redis-clock.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisNonceStoreOptions } from './redis-options.js';
import { failOverGraceSeconds } from './redis-sentinels.js';
import { clocksApart } from './redis-server-check.js';
import { REDIS_SCRIPTS } from './redis-scripts.js';
import { readAttachReply, readClaimReply, readLookReply, type ClaimReply } from './redis-replies.js';

/** A session that nobody renews ends: a day after its verifier has. */
const SESSION_MS = 86_400_000;
/** Withdrawals that are under way at once. */
const WITHDRAWALS_AT_ONCE = 64;
/** Unknown claims that are remembered at most; Redis forgets them by itself when their time is over. */
const MAX_OWED = 100_000;

/** A claim that has to be taken back. */
export interface OwedWithdrawal {
  readonly claim: NonceClaim;
  readonly token: string;
}

export class RedisShard {
  readonly #keys: RedisKeys;
  readonly #link: RedisLink;
  readonly #options: RedisNonceStoreOptions;
  /** Bounds of this shard. */
  readonly #bounds: { readonly maxEntries: number; readonly maxEntriesPerIdentity: number };
  readonly #redisClock: RedisClock;
  readonly #owed = new Map<string, NonceClaim>();
  #held = new Map<number, number>();
  #generation = 0;
  #attached = false;
  #lost = false;
  #epoch = '';
  #floorSeconds = 0;

  constructor(keys: RedisKeys, link: RedisLink, options: RedisNonceStoreOptions, shards: number) {
    this.#keys = keys;
    this.#link = link;
    this.#options = options;
    this.#redisClock = new RedisClock(options);
    this.#bounds = {
      maxEntries: Math.ceil(options.maxEntries / shards),
      maxEntriesPerIdentity: Math.ceil(options.maxEntriesPerIdentity / shards),
    };
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

  owed(): number {
    return this.#owed.size;
  }

  /** Whether a claim with this token was answered with doubt and may be in Redis all the same. */
  isOwed(token: string): boolean {
    return this.#owed.has(token);
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
   * Attaches under a new generation, so that nothing of an earlier connection can claim after it. Resolves with
   * what was lost, an empty text for nothing, or a fault; rejects with the client's error.
   */
  async attach(nowMs: number): Promise<{ readonly lost: string } | { readonly fault: string }> {
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
    if (reply.kind === 'replica')
      return { fault: 'the Redis server is a replica: name its master, or the sentinels' };
    if (reply.kind === 'diverged') return { fault: clocksApart(reply.byMs) };
    if (generation !== this.#generation) return { fault: 'attached again in the meantime' };
    this.#redisClock.set(reply.redisMs, sentMs);
    this.#floorSeconds = reply.floorSeconds;
    this.#epoch = reply.epoch;
    if (knewLoss) this.#lost = false;
    this.#attached = !this.#lost;
    return { lost: reply.lost };
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
    if (reply.kind === 'detached') {
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

  /** Remembers that a claim has to be taken back as soon as that can be done. */
  owe({ claim, token }: OwedWithdrawal): void {
    if (this.#owed.size < MAX_OWED) this.#owed.set(token, claim);
  }

  /** Never mind: the claim was not made. */
  forgive(token: string): void {
    this.#owed.delete(token);
  }

  /** Takes back what is owed. Resolves with how many entries were removed; rejects when Redis fails again. */
  async payOwed(): Promise<number> {
    let removed = 0;
    while (this.#owed.size > 0 && this.#attached) {
      const some = [...this.#owed].slice(0, WITHDRAWALS_AT_ONCE);
      const results = await Promise.all(some.map(([token, claim]) => this.withdraw(claim, 'token', token)));
      for (const [token] of some) this.#owed.delete(token);
      removed += results.filter(Boolean).length;
    }
    return removed;
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
