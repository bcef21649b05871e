/**
 * One claim on its way to Redis and back: answered in time or with doubt, and taken back if it was made after all.
 * Only here is a claim called won. What Redis does for it, and how its reply is read: `claim-scripts.ts`.
 */
import { randomBytes } from 'node:crypto';
import { within } from '../../storage/deadline.js';
import { type RedisFault } from '../../storage/redis/command.js';
import type { RedisConnection } from '../../storage/redis/connection.js';
import type { ClaimOutcome, NonceClaim, NonceDoubt } from '../nonce-store.js';
import type { ClaimReply } from './claim-scripts.js';
import type { RedisNonceStoreOptions } from './options.js';
import type { RedisShard } from './shard.js';

const TOKEN_BYTES = 12;

/** What the caller is told where the script has written nothing. */
const DOUBTS = {
  below_floor: 'below_floor',
  full: 'store_full',
  quota: 'quota_exceeded',
  diverged: 'clock_diverged',
  late: 'store_unavailable',
} as const;

/** Where and how a claim is made. */
interface ClaimAttempt {
  readonly shard: RedisShard;
  /** Names this claim and no other one, so that whoever takes it back takes only that. */
  readonly token: string;
  readonly nowMs: number;
  /** What this verifier refuses of its own accord. */
  readonly floorSeconds: number;
}

/** A claim that has been sent. */
interface SentClaim extends ClaimAttempt {
  readonly claim: NonceClaim;
  /** As they were when it was: number of the connection, generation of the shard. */
  readonly connection: number;
  readonly generation: number;
}

export class RedisClaims {
  readonly #connection: RedisConnection;
  readonly #redis: RedisNonceStoreOptions['redis'];
  readonly #onFault: () => void;
  readonly #replicas: ReplicationBarrier;
  /** Tokens of claims that were answered with doubt while nobody knew whether they were made. */
  readonly #givenUp = new Set<string>();
  #unknownOutcomes = 0;

  /** `onFault`: something was noticed that should be looked into. */
  constructor(
    connection: RedisConnection,
    { redis }: Pick<RedisNonceStoreOptions, 'redis'>,
    onFault: () => void,
  ) {
    this.#connection = connection;
    this.#redis = redis;
    this.#onFault = onFault;
    this.#replicas = new ReplicationBarrier(async () => {
      const { waitReplicas, timeoutMilliseconds } = redis;
      return (await connection.wait(waitReplicas, timeoutMilliseconds)) >= waitReplicas;
    });
  }

  newToken(): string {
    return randomBytes(TOKEN_BYTES).toString('base64url');
  }

  /** Claims of which it was not known in time whether they were made. */
  unknownOutcomes(): number {
    return this.#unknownOutcomes;
  }

  /** Never rejects. */
  claim(claim: NonceClaim, attempt: ClaimAttempt): Promise<ClaimOutcome> {
    const { shard } = attempt;
    const connection = this.#connection.number();
    const sent: SentClaim = { ...attempt, claim, connection, generation: shard.generation() };
    return this.#connection.breaker.judge(shard.claim(claim, attempt), this.#redis.timeoutMilliseconds, {
      late: () => this.#giveUp(sent),
      answered: (reply, inTime) => this.#answered(reply, sent, inTime),
      failed: (kind, inTime) => this.#failed(kind, sent, inTime),
    });
  }

  async #answered(reply: ClaimReply, sent: SentClaim, inTime: boolean): Promise<ClaimOutcome> {
    if (!inTime) this.#givenUp.delete(sent.token);
    switch (reply.kind) {
      case 'claimed':
        if (!inTime) return doubt('store_unavailable');
        if (await this.#isReplicated(sent.connection)) return { kind: 'claimed' };
        this.#takeBack(sent);
        return doubt('store_unavailable');
      case 'replayed':
        return this.#replayed(reply, sent);
      case 'detached':
        sent.shard.detach(sent.generation);
        this.#onFault();
        return doubt('store_unavailable');
      default:
        return doubt(DOUBTS[reply.kind]);
    }
  }

  /**
   * A nonce whose only claim is one that we gave up is not used: its claim is about to be taken back. One that another
   * verifier has not answered yet may come to that.
   */
  #replayed(
    {
      token,
      ageMs,
      firstRequestId,
      firstSeenAtMs,
      status,
    }: Extract<ClaimReply, { readonly kind: 'replayed' }>,
    { shard: { pending }, claim: { standsAfterMs = 0 } }: SentClaim,
  ): ClaimOutcome {
    if (this.#givenUp.has(token) || pending.hasWithdrawal(token)) return doubt('store_unavailable');
    if (ageMs !== undefined && ageMs < standsAfterMs && !pending.hasSettlement(token))
      return { kind: 'unanswered' };
    return { kind: 'replayed', firstRequestId, firstSeenAtMs, firstStatus: status };
  }

  #failed(kind: RedisFault['kind'], sent: SentClaim, inTime: boolean): ClaimOutcome {
    if (!inTime) this.#givenUp.delete(sent.token);
    if (kind === 'full') return doubt('store_full');
    sent.shard.detach(sent.generation);
    if (kind === 'unknown') {
      if (inTime) this.#unknownOutcomes += 1;
      sent.shard.pending.addWithdrawal(sent.claim, sent.token);
    }
    this.#onFault();
    return doubt('store_unavailable');
  }

  /**
   * Nobody waits any longer. The withdrawal goes after the claim on the same connection, and so is carried out after
   * it; should the connection end instead, the claim itself fails, and its withdrawal stays pending.
   */
  #giveUp(sent: SentClaim): ClaimOutcome {
    this.#givenUp.add(sent.token);
    this.#unknownOutcomes += 1;
    this.#takeBack(sent);
    return doubt('store_unavailable');
  }

  #takeBack({ shard, claim, token }: SentClaim): void {
    shard.pending.addWithdrawal(claim, token);
    shard.withdraw(claim, ['token', token]).then(
      () => shard.pending.discardWithdrawal(token),
      () => this.#onFault(),
    );
  }
  /** A WAIT counts for what was written on its own connection, and so does not count after a new one was made. */
  async #isReplicated(connection: number): Promise<boolean> {
    if (this.#redis.waitReplicas === 0) return true;
    try {
      const reached = await within(this.#replicas.reached(), this.#redis.timeoutMilliseconds);
      return reached && this.#connection.number() === connection;
    } catch {
      return false;
    }
  }
}

/** Waits for replicas with as few WAITs as claims allow: one is asked, and the next is shared by all who came since. */
class ReplicationBarrier {
  readonly #ask: () => Promise<boolean>;
  #current: Promise<unknown> | undefined;
  #next: Promise<boolean> | undefined;

  /** `ask` resolves with whether enough replicas have everything that was written before. */
  constructor(ask: () => Promise<boolean>) {
    this.#ask = ask;
  }

  /** Resolves with whether what was written before this call is on enough replicas; rejects as `ask` does. */
  reached(): Promise<boolean> {
    if (this.#current === undefined) return this.#start();
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<boolean> {
    const asked = this.#ask();
    const done: Promise<unknown> = asked
      .catch(() => false)
      .then(() => {
        if (this.#current === done) this.#current = undefined;
      });
    this.#current = done;
    return asked;
  }
}

function doubt(reason: NonceDoubt): ClaimOutcome {
  return { kind: 'doubt', reason };
}
