/**
 * The rate limits that several workers count together, in a database beside the nonces: at most N in any 60
 * seconds over all of them, also when one of them dies. What is asked for in one turn of the event loop is decided
 * in one transaction.
 */
import { createHash } from 'node:crypto';
import type { RateLimits, Reservation } from '../verify/effects.js';
import { RateWindow } from './rate-window.js';
import { refuse, type Refusal } from '../verify/refusal.js';
import type { RateLimit } from '../verify/snapshot.js';
import { openDatabase, type DatabasePlace, type LmdbDatabase } from '../storage/lmdb/database.js';
import { TurnBatcher } from '../storage/turn-batcher.js';

/** In the nonce store's directory. */
interface LmdbRateLimitsOptions extends Omit<DatabasePlace, 'durability'> {
  /** Seconds of a clock that is the same in every process of this machine and only goes forward. */
  readonly nowSeconds: () => number;
}

/** Limits that have to be closed. */
export interface LmdbRateLimits extends RateLimits {
  reserve(limit: RateLimit, subject: string): Promise<Reservation | Refusal>;
  close(): Promise<void>;
}

/** Some hundred thousand subjects; address space is free. */
const MAP_BYTES = 64 * 1_048_576;
/** Decisions of one transaction at most: its length is what other processes may have to wait. */
const BATCH = 512;

/** Opens the limits. Throws `StorageError`, naming path and remedy. */
export function openLmdbRateLimits(options: LmdbRateLimitsOptions): LmdbRateLimits {
  const database = openDatabase({
    ...options,
    name: 'limits',
    // The clock begins with the boot, and so does the file.
    durability: 'process',
    mapBytes: MAP_BYTES,
    tables: [],
    owner: 'rate limits',
    remedy: 'remove it with its lock file',
  });
  database.removeFormerFiles();
  return new SharedRateLimits(database, options.nowSeconds);
}

/** Something to be done to the window of a subject. */
interface Request {
  readonly key: Buffer;
  readonly decide: (window: RateWindow, second: number) => Reservation | undefined;
  readonly answer: (outcome: Reservation | Refusal) => void;
}

class SharedRateLimits implements LmdbRateLimits {
  readonly #database: LmdbDatabase<never>;
  readonly #nowSeconds: () => number;
  readonly #requests = new TurnBatcher<Request>({ handle: (batch) => this.#handle(batch), maxItems: BATCH });
  #closed = false;

  constructor(database: LmdbDatabase<never>, nowSeconds: () => number) {
    this.#database = database;
    this.#nowSeconds = nowSeconds;
  }

  reserve({ group, perMinute }: RateLimit, subject: string): Promise<Reservation | Refusal> {
    if (this.#closed) return Promise.resolve(unavailable());
    const key = keyOf(group, subject);
    const decide = (window: RateWindow, second: number): Reservation => {
      const retryAfterSeconds = window.reserve(perMinute, second);
      return retryAfterSeconds === 0
        ? { kind: 'reserved', giveBack: () => this.#giveBack(key, second), slot: slotOf(key, second) }
        : { kind: 'limited', retryAfterSeconds };
    };
    return new Promise((answer) => this.#requests.add({ key, decide, answer }));
  }

  giveBack(slot: string): void {
    const [, second, key] = SLOT.exec(slot) ?? [];
    if (key !== undefined) this.#giveBack(Buffer.from(key, 'base64url'), Number(second));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#requests.flush();
    await this.#database.close();
  }

  /** Not waited for, and not tried again: a slot that stays taken is free after a minute. */
  #giveBack(key: Buffer, reservedSecond: number): void {
    if (this.#closed) return;
    const decide = (window: RateWindow, second: number): undefined => {
      window.giveBack(reservedSecond, second);
    };
    this.#requests.add({ key, decide, answer: () => undefined });
  }

  #handle(batch: readonly Request[]): true {
    const outcomes = this.#decide(batch);
    batch.forEach(({ answer }, at) => answer(outcomes?.[at] ?? unavailable()));
    return true;
  }

  /** Undefined when nothing could be written, and then nothing has changed. */
  #decide(batch: readonly Request[]): (Reservation | undefined)[] | undefined {
    try {
      return this.#database.transact(() => {
        const second = this.#nowSeconds();
        return batch.map(({ key, decide }) => {
          const window = new RateWindow(this.#database.root.get(key));
          const outcome = decide(window, second);
          this.#database.root.putSync(key, window.bytes);
          return outcome;
        });
      });
    } catch {
      return undefined;
    }
  }
}

/** A second since the boot, and a hash of 32 bytes. */
const SLOT = /^l([0-9]{1,12}) ([A-Za-z0-9_-]{43})$/;

function slotOf(key: Buffer, second: number): string {
  return `l${second} ${key.toString('base64url')}`;
}

/** A hash, for the names of operators may be of any length. */
function keyOf(group: string, subject: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([group, subject]))
    .digest();
}

function unavailable(): Refusal {
  return refuse('rate_limit_unavailable');
}
