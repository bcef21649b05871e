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
  /** Of one nonce: where so many wait already the event is not lost, whatever becomes of the first. */
  readonly maxPerNonce: number;
  /** How long one waits at most: a part of its check's time, so that it is answered in time also on a busy machine. */
  readonly maxWaitMs: number;
  /** Unix milliseconds, and monotonic ones from any origin. */
  readonly clock: Clock;
}

/**
 * `known`: it is known now, or the claim has gone. `unknown`: nobody is there any longer to tell. `spent`: the copy can
 * wait no longer. `repeated`: enough copies of the same wait for it. `crowded`: it could not wait at all.
 */
export type WaitEnd = 'known' | 'unknown' | 'spent' | 'repeated' | 'crowded';

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
  readonly #byIdentity = new Counts();
  readonly #byNonce = new Counts();
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
    const { maxInAll, maxPerIdentity, maxPerNonce } = this.#options;
    if (this.#byNonce.of(nameOf(key)) >= maxPerNonce) return Promise.resolve('repeated');
    if (this.#waiters.size >= maxInAll || this.#byIdentity.of(identity) >= maxPerIdentity)
      return Promise.resolve('crowded');
    this.#byIdentity.add(identity, 1);
    this.#byNonce.add(nameOf(key), 1);
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
    this.#byIdentity.add(waiter.identity, -1);
    this.#byNonce.add(nameOf(waiter.key), -1);
    waiter.end(how);
  }
}

/** How many there are of each name; what is none takes no room. */
class Counts {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, change: 1 | -1): void {
    const count = this.of(name) + change;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1');
}
