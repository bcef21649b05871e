/**
 * What a shard still has to tell Redis: claims to be taken back, and claims that stand. Paid beside everything else, in
 * batches with a deadline each: however much is owed, that says nothing about Redis.
 */
import type { NonceClaim } from '../nonce-store.js';
import { within } from '../../storage/redis/within.js';

/** How a debt is paid: each of the two resolves with what Redis has done, and rejects with the client's error. */
export interface DebtPayment {
  /** Takes a claim back; resolves with whether it was there. */
  readonly withdraw: (claim: NonceClaim, token: string) => Promise<boolean>;
  /** Says that claims stand. */
  readonly settle: (claims: readonly (readonly [token: string, claim: NonceClaim])[]) => Promise<void>;
  /** Of one batch. */
  readonly timeoutMilliseconds: number;
  /** Whether Redis is to be spoken to. */
  readonly mayPay: () => boolean;
  /** How many entries a batch has removed. */
  readonly onWithdrawn: (count: number) => void;
}

const AT_ONCE = 64;
/** Unknown claims that are remembered at most; Redis forgets them by itself when their time is over. */
const MAX_OWED = 100_000;
/** How long claims that stand wait for others, to be told of together; copies elsewhere wait for it. */
const SETTLE_MS = 5;

type Owed = Map<string, NonceClaim>;

export class RedisDebts {
  readonly #payment: DebtPayment;
  /** By the tokens of their claims. */
  readonly #withdrawals: Owed = new Map();
  readonly #settlements: Owed = new Map();
  #round: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(payment: DebtPayment) {
    this.#payment = payment;
  }

  /** Withdrawals that are owed. */
  owed(): number {
    return this.#withdrawals.size;
  }

  /** Whether the claim with this token was answered with doubt and may be in Redis all the same. */
  isOwed(token: string): boolean {
    return this.#withdrawals.has(token);
  }

  /** Whether the claim with this token stands, though Redis may not have heard of it. */
  isSettled(token: string): boolean {
    return this.#settlements.has(token);
  }

  /** Remembers that a claim has to be taken back as soon as that can be done. */
  owe(claim: NonceClaim, token: string): void {
    if (this.#withdrawals.size < MAX_OWED) this.#withdrawals.set(token, claim);
  }

  /** Never mind: the claim was not made, or is taken back. */
  forgive(token: string): void {
    this.#withdrawals.delete(token);
  }

  /** A claim stands, and Redis hears of it in a moment. */
  settle(claim: NonceClaim, token: string): void {
    if (this.#settlements.size < MAX_OWED) this.#settlements.set(token, claim);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.pay();
    }, SETTLE_MS).unref();
  }

  /**
   * Pays until nothing is owed or a batch is not answered in time; what was not paid stays owed. One round at a time.
   * Never rejects.
   */
  pay(): Promise<void> {
    this.#round ??= this.#payAll().finally(() => (this.#round = undefined));
    return this.#round;
  }

  async #payAll(): Promise<void> {
    let goesOn = true;
    while (goesOn && this.#payment.mayPay() && this.#settlements.size + this.#withdrawals.size > 0)
      goesOn = (await this.#paySettlements()) && (await this.#payWithdrawals());
  }

  async #paySettlements(): Promise<boolean> {
    const batch = firstOf(this.#settlements);
    if (batch.length === 0) return true;
    const paid = await this.#inTime(this.#payment.settle(batch));
    if (paid) for (const [token] of batch) this.#settlements.delete(token);
    return paid;
  }

  async #payWithdrawals(): Promise<boolean> {
    const batch = firstOf(this.#withdrawals);
    const payments = batch.map(async ([token, claim]) => {
      const removed = await this.#payment.withdraw(claim, token);
      this.#withdrawals.delete(token);
      if (removed) this.#payment.onWithdrawn(1);
    });
    return this.#inTime(Promise.all(payments));
  }

  async #inTime(work: Promise<unknown>): Promise<boolean> {
    try {
      await within(work, this.#payment.timeoutMilliseconds);
      return true;
    } catch {
      return false;
    }
  }
}

function firstOf(owed: Owed): (readonly [string, NonceClaim])[] {
  const first: (readonly [string, NonceClaim])[] = [];
  for (const entry of owed) if (first.push(entry) === AT_ONCE) break;
  return first;
}
