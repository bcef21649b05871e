/**
 * The durable store, in the directory of the nonces and shared by every process that names it. Pairs that are
 * submitted in one turn of the event loop are written in one transaction.
 */
import { openDatabase, type DatabasePlace } from '../storage/lmdb/database.js';
import {
  checkExecutionBounds,
  type ExecutionBounds,
  type ExecutionPair,
  type ExecutionStore,
} from './execution-store.js';
import { PairIndex, TABLES, type PairDatabase } from './pair-index.js';
import { TurnBatcher } from '../storage/turn-batcher.js';

/** In the nonce store's directory, and as durable. */
export type LmdbExecutionStoreOptions = ExecutionBounds & DatabasePlace;

/** Some 180 bytes in the three tables, in pages that are partly empty; address space is free. */
const MAP_BYTES_PER_PAIR = 1_024;
const LEAST_MAP_BYTES = 64 * 1_048_576;

/** Pairs of one transaction at most: its length is what other processes may have to wait. */
const BATCH_PAIRS = 64;

/** Opens the store; the pairs of a former boot are removed. Throws `StorageError`, naming path and remedy. */
export function openLmdbExecutionStore(options: LmdbExecutionStoreOptions): ExecutionStore {
  checkExecutionBounds(options);
  const database = openDatabase({
    ...options,
    name: 'executions',
    mapBytes: Math.max(LEAST_MAP_BYTES, options.maxInAll * MAP_BYTES_PER_PAIR),
    tables: TABLES,
    owner: 'execution store',
    remedy: 'remove it with its lock file: graphs have to be sent again then',
  });
  database.removeFormerFiles();
  return new LmdbExecutionStore(options, database);
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
  readonly #database: PairDatabase;
  readonly #index: PairIndex;
  readonly #submissions = new TurnBatcher<Submission>({
    handle: (batch) => this.#write(batch),
    maxItems: BATCH_PAIRS,
  });
  #closed = false;

  constructor(options: LmdbExecutionStoreOptions, database: PairDatabase) {
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
