/**
 * One shard of the nonces in Redis, and what this verifier knows about it: whether it may claim there, on which state,
 * how high the floor is, how much is held, and what Redis has yet to be told.
 */
import type { RedisConnection } from '../../storage/redis/connection.js';
import type { ClaimDelivery, NonceClaim } from '../nonce-store.js';
import {
  runClaim,
  runSettle,
  runWithdraw,
  type ClaimOptions,
  type ClaimOwner,
  type ClaimReply,
  type ClaimRequest,
} from './claim-scripts.js';
import { runAwaited, runDelivered } from './delivery-scripts.js';
import type { RedisNonceStoreOptions } from './options.js';
import { PendingUpdates } from './pending-updates.js';
import { RedisClock } from './server-clock.js';
import { runAttach, runLook, type RedisKeys } from './state-scripts.js';

export class RedisShard {
  /** What Redis has yet to be told. */
  readonly pending: PendingUpdates;
  readonly #keys: RedisKeys;
  readonly #connection: RedisConnection;
  readonly #options: RedisNonceStoreOptions;
  readonly #claimOptions: ClaimOptions;
  readonly #redisClock: RedisClock;
  readonly #onLoss: (why: string) => void;
  #held = new Map<number, number>();
  #generation = 0;
  #attached = false;
  #lost = false;
  #epoch = '';
  #floorSeconds = 0;
  #withdrawals = 0;

  /**
   * One of `shards`. `onLoss` is told why state was lost, or may have been, with claims of this verifier in it,
   * whoever has waited for it.
   */
  constructor(
    keys: RedisKeys,
    connection: RedisConnection,
    options: RedisNonceStoreOptions,
    { shards, onLoss }: { readonly shards: number; readonly onLoss: (why: string) => void },
  ) {
    this.#keys = keys;
    this.#connection = connection;
    this.#options = options;
    this.#onLoss = onLoss;
    this.#redisClock = new RedisClock(options);
    this.#claimOptions = {
      ...options,
      maxEntries: Math.ceil(options.maxEntries / shards),
      maxEntriesPerIdentity: Math.ceil(options.maxEntriesPerIdentity / shards),
    };
    this.pending = new PendingUpdates({
      withdraw: (claim, token) => this.withdraw(claim, ['token', token]),
      settle: (claims) => runSettle(connection, keys, claims),
      deliver: (deliveries) => this.#deliver(deliveries),
      timeoutMilliseconds: options.redis.timeoutMilliseconds,
      maySend: () => this.#attached && connection.isReady(),
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

  /** Claims of this verifier that were taken back. */
  withdrawals(): number {
    return this.#withdrawals;
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
    const hasSeenLoss = this.#lost;
    const sentMs = this.#options.clock.monotonicMs();
    const request = { generation, nowMs, epoch: this.#epoch, hasSeenLoss };
    const reply = await runAttach(this.#connection, this.#keys, request, this.#options);
    if (typeof reply === 'string') return reply;
    if (generation !== this.#generation) return 'attached again in the meantime';
    this.#redisClock.set(reply.redisMs, sentMs);
    this.#floorSeconds = reply.floorSeconds;
    this.#epoch = reply.epoch;
    if (hasSeenLoss) this.#lost = false;
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
    const reply = await runLook(this.#connection, this.#keys, generation);
    // A session is replicated: on a promoted server ours is there still, once another verifier has begun an epoch on it.
    if (reply?.epoch !== this.#epoch) {
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
  async claim(
    claim: NonceClaim,
    sent: Pick<ClaimRequest, 'token' | 'nowMs' | 'floorSeconds'>,
  ): Promise<ClaimReply> {
    const request = { ...sent, generation: this.#generation, deadlineMs: this.#redisClock.deadlineMs() };
    const reply = await runClaim(this.#connection, this.#keys, claim, request, this.#claimOptions);
    if (reply.kind === 'claimed') this.#count(claim.timestampSeconds, 1);
    if (reply.kind === 'claimed' || reply.kind === 'below_floor')
      this.#floorSeconds = Math.max(this.#floorSeconds, reply.floorSeconds);
    return reply;
  }

  /** Removes an entry if it is that of its owner. Resolves with whether it was; may reject. */
  async withdraw(claim: NonceClaim, owner: ClaimOwner): Promise<boolean> {
    const second = await runWithdraw(this.#connection, this.#keys, claim, owner);
    if (second === undefined) return false;
    this.#withdrawals += 1;
    this.#count(second, -1);
    return true;
  }

  /** For each nonce of this shard whether it is claimed, and not known what became of that. May reject. */
  areAwaited(nonces: readonly Buffer[]): Promise<readonly boolean[]> {
    return runAwaited(this.#connection, this.#keys, nonces);
  }

  async #deliver(deliveries: readonly ClaimDelivery[]): Promise<void> {
    const withdrawn = await runDelivered(this.#connection, this.#keys, deliveries);
    deliveries.forEach(({ timestampSeconds, onWithdrawn }, at) => {
      if (withdrawn[at] !== true) return;
      this.#withdrawals += 1;
      this.#count(timestampSeconds, -1);
      onWithdrawn();
    });
  }

  #count(second: number, change: number): void {
    this.#held.set(second, Math.max(0, (this.#held.get(second) ?? 0) + change));
  }
}
