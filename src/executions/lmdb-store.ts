/**
 * The durable store, in the directory of the nonces and shared by every process that names it. Pairs that are
 * submitted in one turn of the event loop are written in one transaction.
 */
import type { ReservedDatabase } from '../storage/lmdb/reserved-database.js';
import { openPairDatabase, type LmdbExecutionStoreOptions } from './database.js';
import { checkExecutionBounds } from './execution-bounds.js';
import type { ExecutionPair, ExecutionStore } from './execution-store.js';
import { PairIndex } from './pair-index.js';
import { TurnBatcher } from '../storage/turn-batcher.js';

export type { LmdbExecutionStoreOptions } from './database.js';

/** Pairs of one transaction at most: its length is what other processes may have to wait. */
const BATCH_PAIRS = 64;

/** Opens the store. Throws `ExecutionStoreError`, or the nonce directory's error, naming path and remedy. */
export function openLmdbExecutionStore(options: LmdbExecutionStoreOptions): ExecutionStore {
  checkExecutionBounds(options);
  return new LmdbExecutionStore(options, openPairDatabase(options));
}

/** A pair that waits to be written. */
interface Submission {
  readonly pair: ExecutionPair;
  readonly nowMs: number;
  readonly kept: () => void;
  readonly failed: (reason: unknown) => void;
}

class LmdbExecutionStore implements ExecutionStore {
  readonly name = 'lmdb';
  readonly #database: ReservedDatabase;
  readonly #index: PairIndex;
  readonly #submissions = new TurnBatcher<Submission>({
    handle: (batch) => this.#write(batch),
    maxItems: BATCH_PAIRS,
  });
  #closed = false;

  constructor(options: LmdbExecutionStoreOptions, database: ReservedDatabase) {
    this.#database = database;
    this.#index = new PairIndex(database, options);
  }

  remember(pair: ExecutionPair, nowMs: number): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the execution store is closed'));
    return new Promise((kept, failed) => this.#submissions.add({ pair, nowMs, kept, failed }));
  }

  has(pair: ExecutionPair, nowMs: number): boolean {
    if (this.#closed) return false;
    if (this.#index.holds(pair, nowMs)) return true;
    // What this turn of the loop sees may be a moment old, and another process may have just answered.
    this.#database.root.resetReadTxn();
    return this.#index.holds(pair, nowMs);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#submissions.flush();
    await this.#database.close();
  }

  #write(batch: readonly Submission[]): true {
    try {
      this.#database.transact(() => {
        for (const { pair, nowMs } of batch) this.#index.keep(pair, nowMs);
      });
      for (const { kept } of batch) kept();
    } catch (error) {
      for (const { failed } of batch) failed(error);
    }
    return true;
  }
}
