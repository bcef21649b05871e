/**
 * What a shard still has to tell Redis: claims to be taken back, claims that stand, and what became of allows. Sent beside everything else, in
 * batches with a deadline each: however much is pending, that says nothing about Redis.
 */
import type { ClaimDelivery, NonceClaim } from '../nonce-store.js';
import { PendingDeliveries } from '../pending-deliveries.js';
import { within } from '../../storage/deadline.js';

/** How updates are sent. */
interface PendingUpdatesParts {
  /** Takes a claim back; rejects with the client's error. */
  readonly withdraw: (claim: NonceClaim, token: string) => Promise<unknown>;
  /** Says that claims stand; rejects with the client's error. */
  readonly settle: (claims: readonly (readonly [token: string, claim: NonceClaim])[]) => Promise<void>;
  /** Tells what became of allows, and whom it concerns; rejects with the client's error. */
  readonly deliver: (deliveries: readonly ClaimDelivery[]) => Promise<void>;
  /** Of one batch. */
  readonly timeoutMilliseconds: number;
  /** Whether Redis is to be spoken to. */
  readonly maySend: () => boolean;
}

const BATCH = 64;
/** Unknown claims that are remembered at most; Redis forgets them by itself when their time is over. */
const MAX_PENDING = 100_000;
/** How long claims that stand wait for others, to be told of together; copies elsewhere wait for it. */
const SETTLE_MS = 5;

/** By the tokens of their claims. */
type Updates = Map<string, NonceClaim>;

export class PendingUpdates {
  readonly #parts: PendingUpdatesParts;
  readonly #withdrawals: Updates = new Map();
  readonly #settlements: Updates = new Map();
  readonly #deliveries = new PendingDeliveries();
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: PendingUpdatesParts) {
    this.#parts = parts;
  }

  /** How many withdrawals are pending. */
  withdrawals(): number {
    return this.#withdrawals.size;
  }

  /** Whether the claim with this token was answered with doubt and may be in Redis all the same. */
  hasWithdrawal(token: string): boolean {
    return this.#withdrawals.has(token);
  }

  /** Whether the claim with this token stands, though Redis may not have heard of it. */
  hasSettlement(token: string): boolean {
    return this.#settlements.has(token);
  }

  /** A claim has to be taken back as soon as that can be done. */
  addWithdrawal(claim: NonceClaim, token: string): void {
    if (this.#withdrawals.size < MAX_PENDING) this.#withdrawals.set(token, claim);
  }

  /** The claim was not made, or is taken back. */
  discardWithdrawal(token: string): void {
    this.#withdrawals.delete(token);
  }

  /** A claim stands, and Redis hears of it in a moment. */
  addSettlement(claim: NonceClaim, token: string): void {
    if (this.#settlements.size < MAX_PENDING) this.#settlements.set(token, claim);
    this.#sendSoon();
  }

  /** What became of allows, as soon as Redis can be told. */
  addDeliveries(deliveries: readonly ClaimDelivery[]): void {
    this.#deliveries.add(deliveries);
    this.#sendSoon();
  }

  /**
   * Sends until nothing is pending or a batch is not answered in time; what was not answered stays. One run at a
   * time. Never rejects.
   */
  send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    let goesOn = true;
    while (goesOn && this.#parts.maySend() && this.#isAnyPending())
      goesOn =
        (await this.#sendSettlements()) && (await this.#sendWithdrawals()) && (await this.#sendDeliveries());
  }

  #isAnyPending(): boolean {
    return this.#settlements.size + this.#withdrawals.size + this.#deliveries.size > 0;
  }

  #sendSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.send();
    }, SETTLE_MS).unref();
  }

  /** One script a batch. Told twice when the answer was lost: the second time changes nothing. */
  async #sendDeliveries(): Promise<boolean> {
    const batch = this.#deliveries.first(BATCH);
    if (batch.length === 0) return true;
    const sent = await this.#inTime(this.#parts.deliver(batch));
    if (sent) this.#deliveries.delete(batch);
    return sent;
  }

  async #sendSettlements(): Promise<boolean> {
    const batch = firstOf(this.#settlements);
    if (batch.length === 0) return true;
    const sent = await this.#inTime(this.#parts.settle(batch));
    if (sent) for (const [token] of batch) this.#settlements.delete(token);
    return sent;
  }

  async #sendWithdrawals(): Promise<boolean> {
    const sent = firstOf(this.#withdrawals).map(async ([token, claim]) => {
      await this.#parts.withdraw(claim, token);
      this.#withdrawals.delete(token);
    });
    return this.#inTime(Promise.all(sent));
  }

  async #inTime(work: Promise<unknown>): Promise<boolean> {
    return within(work, this.#parts.timeoutMilliseconds).then(
      () => true,
      () => false,
    );
  }
}

function firstOf(updates: Updates): (readonly [string, NonceClaim])[] {
  const first: (readonly [string, NonceClaim])[] = [];
  for (const entry of updates) if (first.push(entry) === BATCH) break;
  return first;
}
