/**
 * Copies of allows of which it is not known yet whether they were delivered, until it is: one timer asks the store for
 * all of them. They are few, in all and of each identity, so that whoever sends copies takes no place of anybody else's.
 */
import type { Clock, NonceStore } from './nonce-store.js';

/** How often the store is asked. */
const ASK_MS = 20;
/**
 * Envoy's own limit of a request (15 s unless configured otherwise), twice over: of whatever is older the entry was lost,
 * and nobody waits for it.
 */
const TOLD_WITHIN_MS = 30_000;

export interface DeliveryWaitsOptions {
  readonly store: Pick<NonceStore, 'areAwaited'>;
  /** Whether somebody is there who tells what becomes of allows. */
  readonly isTold: () => boolean;
  /** Copies that wait at most. */
  readonly maxInAll: number;
  readonly maxPerIdentity: number;
  /** How long one waits at most: a part of its check's time, so that it is answered in time also on a busy machine. */
  readonly maxWaitMs: number;
  /** Unix milliseconds, and monotonic ones from any origin. */
  readonly clock: Clock;
}

/**
 * `known`: it is known now, or the claim has gone. `unknown`: nobody is there any longer to tell. `spent`: the copy can
 * wait no longer. `crowded`: it could not wait at all.
 */
export type WaitEnd = 'known' | 'unknown' | 'spent' | 'crowded';

interface Waiter {
  readonly key: Buffer;
  readonly identity: string;
  readonly stillWanted: () => boolean;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  readonly end: (how: WaitEnd) => void;
}

export class DeliveryWaits {
  readonly #options: DeliveryWaitsOptions;
  readonly #waiters = new Set<Waiter>();
  readonly #byIdentity = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DeliveryWaitsOptions) {
    this.#options = options;
  }

  /** Copies that wait now. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether waiting is of any use for a copy of what was claimed then (Unix ms). */
  isUseful(firstSeenAtMs: number): boolean {
    return this.#options.isTold() && this.#options.clock.nowMs() - firstSeenAtMs < TOLD_WITHIN_MS;
  }

  /** Never rejects. `stillWanted` is asked all the while. */
  wait({ key, identity }: Pick<Waiter, 'key' | 'identity'>, stillWanted: () => boolean): Promise<WaitEnd> {
    const ofIdentity = this.#byIdentity.get(identity) ?? 0;
    if (this.#waiters.size >= this.#options.maxInAll || ofIdentity >= this.#options.maxPerIdentity)
      return Promise.resolve('crowded');
    this.#byIdentity.set(identity, ofIdentity + 1);
    const untilMs = this.#options.clock.monotonicMs() + this.#options.maxWaitMs;
    return new Promise((resolve) => {
      const waiter: Waiter = { key, identity, stillWanted, untilMs, end: resolve };
      this.#waiters.add(waiter);
      this.#askSoon();
    });
  }

  #askSoon(): void {
    this.#timer ??= setTimeout(() => void this.#ask(), ASK_MS).unref();
  }

  async #ask(): Promise<void> {
    const asked = [...this.#waiters];
    const awaited = await this.#stillAwaited(asked.map(({ key }) => key));
    const isTold = this.#options.isTold();
    const nowMs = this.#options.clock.monotonicMs();
    asked.forEach((waiter, at) => {
      if (awaited[at] === false) this.#end(waiter, 'known');
      else if (!waiter.stillWanted() || nowMs >= waiter.untilMs) this.#end(waiter, 'spent');
      else if (!isTold) this.#end(waiter, 'unknown');
    });
    this.#timer = undefined;
    if (this.#waiters.size > 0) this.#askSoon();
  }

  /** A store that breaks its promise and throws leaves everybody waiting until his time is over. */
  async #stillAwaited(keys: readonly Buffer[]): Promise<readonly boolean[]> {
    try {
      return await this.#options.store.areAwaited(keys);
    } catch {
      return [];
    }
  }

  #end(waiter: Waiter, how: WaitEnd): void {
    this.#waiters.delete(waiter);
    const left = (this.#byIdentity.get(waiter.identity) ?? 1) - 1;
    if (left > 0) this.#byIdentity.set(waiter.identity, left);
    else this.#byIdentity.delete(waiter.identity);
    waiter.end(how);
  }
}
