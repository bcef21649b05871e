/**
 * The durable store, in the directory of the nonces and shared by every process that names it. Pairs that are
 * submitted in one turn of the event loop are written in one transaction, on a thread of the database.
 *
 * Unlike nonces, pairs outlive the machine whatever the durability: a commit survives the end of every process
 * at once, and is flushed to the disk behind it. After the machine's own end the database goes back to the last
 * flush (lmdb's `overlappingSync`, which knows a restart by the kernel's boot id), so that at most the pairs of
 * the last moments are unknown, which refuses and never admits.
 */
import { open, type RootDatabase } from 'lmdb';
import { statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openDiskReserve, type DiskReserve } from '../nonces/disk-reserve.js';
import { prepareDirectory, prepareFiles, refuseForeignFile } from '../nonces/journal-files.js';
import { checkExecutionBounds, ExecutionStoreError, type ExecutionBounds } from './execution-bounds.js';
import type { ExecutionPair, ExecutionStore } from './execution-store.js';
import { PairIndex, TABLES } from './pair-index.js';

export interface LmdbExecutionStoreOptions extends ExecutionBounds {
  /** The nonce store's: on a local disk, ours alone. */
  readonly directory: string;
  /** `machine`: a pair is kept once it is on the disk, and not as soon as it is committed. */
  readonly durability: 'machine' | 'process';
}

/** Not the name of a nonce journal: the nonce store removes those of former boots. */
const FILE_NAME = 'executions.mdb';
/** Pairs of one transaction at most: its length is what other processes may have to wait. */
const BATCH_PAIRS = 64;
/** More than such a transaction can touch: three random pages a pair, and those on the way to them. */
const TRANSACTION_BYTES = 8 * 1_048_576;
/** Fixed at opening, whatever the system's page size. */
const PAGE_BYTES = 4_096;
/** Some 180 bytes in the three tables, in pages that are partly empty; address space is free. */
const MAP_BYTES_PER_PAIR = 1_024;
const LEAST_MAP_BYTES = 64 * 1_048_576;

/** Opens or makes the database. Throws `ExecutionStoreError`, or the nonce directory's, naming path and remedy. */
export function openLmdbExecutionStore(options: LmdbExecutionStoreOptions): ExecutionStore {
  checkExecutionBounds(options);
  prepareDirectory(options.directory);
  return new LmdbExecutionStore(options, openAt(join(options.directory, FILE_NAME), options.maxInAll));
}

interface OpenedDatabase {
  readonly path: string;
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly reserve: DiskReserve;
}

function openAt(path: string, maxInAll: number): OpenedDatabase {
  prepareFiles(path);
  try {
    refuseForeignFile(path);
    refuseFullDisk(dirname(path));
    const mapSize = Math.max(LEAST_MAP_BYTES, maxInAll * MAP_BYTES_PER_PAIR);
    const sizes = { mapSize, pageSize: PAGE_BYTES, maxDbs: TABLES };
    const how = { noSubdir: true, overlappingSync: true, encoding: 'binary', keyEncoding: 'binary' } as const;
    return { path, root: open<Buffer, Buffer>({ path, ...sizes, ...how }), reserve: openDiskReserve(path) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ExecutionStoreError(
      `execution store: ${path} cannot be opened (${reason}); make room where the disk is full; where the file is damaged, stop every process that uses it and remove it with its lock file: graphs have to be sent again then`,
      { cause: error },
    );
  }
}

/** The database's first transactions come before our reserve of disk space. */
function refuseFullDisk(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < TRANSACTION_BYTES) throw new Error('the disk is full');
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
  readonly #durability: 'machine' | 'process';
  readonly #database: OpenedDatabase;
  readonly #index: PairIndex;
  readonly #waiting: Submission[] = [];
  /** Resolves when nothing waits any more; undefined while nothing does. */
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: LmdbExecutionStoreOptions, database: OpenedDatabase) {
    this.#durability = options.durability;
    this.#database = database;
    this.#index = new PairIndex(database.root, options);
  }

  remember(pair: ExecutionPair, nowMs: number): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the execution store is closed'));
    return new Promise((kept, failed) => {
      this.#waiting.push({ pair, nowMs, kept, failed });
      this.#writing ??= this.#writeAll();
    });
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
    await this.#writing;
    await this.#database.root.close();
    this.#database.reserve.close();
  }

  /** While one batch is written the next one gathers. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_PAIRS);
      try {
        await this.#write(batch);
        for (const { kept } of batch) kept();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#writing = undefined;
  }

  async #write(batch: readonly Submission[]): Promise<void> {
    const { root } = this.#database;
    await root.transaction(() => {
      this.#takeRoom();
      for (const { pair, nowMs } of batch) this.#index.keep(pair, nowMs);
    });
    if (this.#durability === 'machine') await root.flushed;
  }

  /** With the write lock held, and before anything is written; see `nonces/disk-reserve.ts`. */
  #takeRoom(): void {
    const { path, root, reserve } = this.#database;
    const { env } = root as unknown as { readonly env: { info(): { readonly lastPageNumber: number } } };
    const wanted = (env.info().lastPageNumber + 1) * PAGE_BYTES + TRANSACTION_BYTES;
    if (reserve.upTo(wanted) < wanted) throw new Error(`the disk under ${path} is full`);
  }
}
