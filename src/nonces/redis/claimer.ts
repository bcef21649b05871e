/**
 * One claim on its way to Redis and back: answered in time or with doubt, and taken back if it was made after all.
 * Only here is a claim called won.
 */
import { randomBytes } from 'node:crypto';
import type { CircuitBreaker } from '../../storage/redis/circuit-breaker.js';
import type { ClaimOutcome, NonceClaim, NonceDoubt } from '../nonce-store.js';
import { redisFault } from '../../storage/redis/fault.js';
import type { RedisLink } from '../../storage/redis/link.js';
import type { RedisNonceStoreOptions } from './options.js';
import type { ClaimReply } from './replies.js';
import type { RedisShard } from './shard.js';
import { ReplicationBarrier } from '../../storage/redis/replication-barrier.js';
import { deadline, within } from '../../storage/redis/within.js';

/** What a claimer works with. */
export interface ClaimerParts {
  readonly link: RedisLink;
  readonly breaker: CircuitBreaker;
  readonly options: RedisNonceStoreOptions;
  /** Something was noticed that the keeper should see to. */
  readonly wake: () => void;
  readonly onUnknown: () => void;
  readonly onWithdrawn: () => void;
}

const TOKEN_BYTES = 12;

export class RedisClaimer {
  readonly #parts: ClaimerParts;
  readonly #replicas: ReplicationBarrier;
  /** Claims that were answered with doubt while nobody knew whether they were made. */
  readonly #givenUp = new Set<string>();

  constructor(parts: ClaimerParts) {
    this.#parts = parts;
    this.#replicas = new ReplicationBarrier(() => this.#askReplicas());
  }

  /** A name for one claim that no other one has, so that whoever takes it back takes only that. */
  newToken(): string {
    return randomBytes(TOKEN_BYTES).toString('base64url');
  }

  /** Never rejects. `floorSeconds`: what this verifier refuses of its own accord. */
  claim(claim: NonceClaim, attempt: ClaimAttempt): Promise<ClaimOutcome> {
    const { shard, token, nowMs, floorSeconds } = attempt;
    const generation = shard.generation();
    const connection = this.#parts.link.connection();
    return new Promise((answer) => {
      const cancel = deadline(this.#parts.options.redis.timeoutMilliseconds, () => {
        this.#giveUp(claim, shard, token);
        answer(doubt('store_unavailable'));
      });
      const inTime = (): boolean => {
        cancel();
        return !this.#givenUp.delete(token);
      };
      shard
        .claim(claim, token, nowMs, floorSeconds)
        .then((reply) => this.#settle(reply, claim, { ...attempt, connection, generation }, inTime()))
        .catch((error: unknown) => this.#failed(error, claim, { shard, token, generation }, inTime()))
        .then(answer, () => answer(doubt('store_unavailable')));
    });
  }

  async #settle(
    reply: ClaimReply,
    claim: NonceClaim,
    { shard, token, connection, generation }: ClaimUnderWay,
    inTime: boolean,
  ): Promise<ClaimOutcome> {
    if (inTime) this.#parts.breaker.succeeded();
    if (reply.kind !== 'claimed') return this.#notClaimed(reply, claim, { shard, generation });
    if (!inTime) return doubt('store_unavailable');
    if (await this.#isReplicated(connection)) return { kind: 'claimed' };
    this.#takeBack(claim, shard, token);
    return doubt('store_unavailable');
  }

  #notClaimed(
    reply: Exclude<ClaimReply, { readonly kind: 'claimed' }>,
    claim: NonceClaim,
    { shard, generation }: Pick<ClaimUnderWay, 'shard' | 'generation'>,
  ): ClaimOutcome {
    switch (reply.kind) {
      case 'replayed':
        return this.#replayed(reply, shard, claim);
      case 'below_floor':
        return doubt('below_floor');
      case 'full':
        return doubt('store_full');
      case 'quota':
        return doubt('quota_exceeded');
      case 'diverged':
        return doubt('clock_diverged');
      case 'late':
        return doubt('store_unavailable');
      case 'detached':
        shard.detach(generation);
        this.#parts.wake();
        return doubt('store_unavailable');
    }
  }

  /**
   * A nonce whose only claim is one that we gave up is not used: its claim is about to be taken back. One that another
   * verifier has not answered yet may come to that.
   */
  #replayed(
    { token, ageMs, firstRequestId, firstSeenAtMs }: Extract<ClaimReply, { readonly kind: 'replayed' }>,
    shard: RedisShard,
    { standsAfterMs = 0 }: NonceClaim,
  ): ClaimOutcome {
    if (this.#givenUp.has(token) || shard.debts.isOwed(token)) return doubt('store_unavailable');
    if (ageMs !== undefined && ageMs < standsAfterMs && !shard.debts.isSettled(token))
      return { kind: 'unanswered' };
    return { kind: 'replayed', firstRequestId, firstSeenAtMs };
  }

  #failed(
    error: unknown,
    claim: NonceClaim,
    { shard, token, generation }: { shard: RedisShard; token: string; generation: number },
    inTime: boolean,
  ): ClaimOutcome {
    const fault = redisFault(error);
    if (fault.kind === 'full') return doubt('store_full');
    if (inTime) this.#parts.breaker.failed();
    shard.detach(generation);
    if (fault.kind === 'unknown') {
      if (inTime) this.#parts.onUnknown();
      shard.debts.owe(claim, token);
    }
    this.#parts.wake();
    return doubt('store_unavailable');
  }

  /**
   * Nobody waits any longer. The withdrawal goes after the claim on the same connection, and so is carried out after
   * it; should the connection end instead, the claim itself fails, and is owed.
   */
  #giveUp(claim: NonceClaim, shard: RedisShard, token: string): void {
    this.#givenUp.add(token);
    this.#parts.breaker.failed();
    this.#parts.onUnknown();
    this.#takeBack(claim, shard, token);
  }

  #takeBack(claim: NonceClaim, shard: RedisShard, token: string): void {
    shard.debts.owe(claim, token);
    shard.withdraw(claim, 'token', token).then(
      (removed) => {
        shard.debts.forgive(token);
        if (removed) this.#parts.onWithdrawn();
      },
      () => this.#parts.wake(),
    );
  }

  /** A WAIT counts for what was written on its own connection, and so does not count after a new one was made. */
  async #isReplicated(connection: number): Promise<boolean> {
    const { link, options } = this.#parts;
    if (options.redis.waitReplicas === 0) return true;
    try {
      const reached = await within(this.#replicas.reached(), options.redis.timeoutMilliseconds);
      return reached && link.connection() === connection;
    } catch {
      return false;
    }
  }

  async #askReplicas(): Promise<boolean> {
    const { link, options } = this.#parts;
    const { waitReplicas, timeoutMilliseconds } = options.redis;
    return (await link.wait(waitReplicas, timeoutMilliseconds)) >= waitReplicas;
  }
}

/** Where and how a claim is made. */
export interface ClaimAttempt {
  readonly shard: RedisShard;
  readonly token: string;
  readonly nowMs: number;
  readonly floorSeconds: number;
}

/** A claim that has been sent. */
interface ClaimUnderWay extends ClaimAttempt {
  /** As they were when it was: those of the link and of the shard. */
  readonly connection: number;
  readonly generation: number;
}

function doubt(reason: NonceDoubt): ClaimOutcome {
  return { kind: 'doubt', reason };
}
