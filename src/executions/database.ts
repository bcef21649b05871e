/** The database file of the pairs: where it lies, what it survives, and that it never meets a full disk. */
import { open, type RootDatabase, type TransactionFlags } from 'lmdb';
import { readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { readBootId } from '../nonces/boot-id.js';
import { openDiskReserve, type DiskReserve } from '../nonces/disk-reserve.js';
import { prepareDirectory, prepareFiles, refuseForeignFile, removeJournal } from '../nonces/journal-files.js';
import { ExecutionStoreError, type ExecutionBounds } from './execution-bounds.js';
import { TABLES } from './pair-index.js';

export interface LmdbExecutionStoreOptions extends ExecutionBounds {
  /** The nonce store's: on a local disk, ours alone. */
  readonly directory: string;
  /**
   * As for nonces. `process`: a pair survives the end of every process, and is forgotten when the machine
   * restarts. `machine`: each batch waits for the disk, and the event loop with it.
   */
  readonly durability: 'machine' | 'process';
  /** The running kernel's id; tests restart machines with it. */
  readonly bootId?: string;
}

/** The open database, and how to write to it. */
export interface PairDatabase {
  readonly root: RootDatabase<Buffer, Buffer>;
  /** Runs `action` under the lock of all processes. Throws what it threw, or that the disk is full. */
  transact(action: () => void): void;
  close(): Promise<void>;
}

/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- lmdb declares its flags as an enum that it does not export at run time */
/** Return after the commit, with or without the flush to disk. */
const COMMIT_AND_FLUSH = 0x2 as TransactionFlags;
const COMMIT_ONLY = 0x10002 as TransactionFlags;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */
/** More than the pages of one batch: random ones in three tables, and those on the way to them. */
const TRANSACTION_BYTES = 8 * 1_048_576;
/** Fixed at opening, whatever the system's page size. */
const PAGE_BYTES = 4_096;
/** Some 180 bytes in the three tables, in pages that are partly empty; address space is free. */
const MAP_BYTES_PER_PAIR = 1_024;
const LEAST_MAP_BYTES = 64 * 1_048_576;
/** No name of a nonce journal, which the nonce store would remove. */
const FILE_NAME = /^executions-.*\.mdb$/;

/**
 * Opens or makes the database; removes that of a former boot, whose pages may have reached the disk in any
 * order. Throws `ExecutionStoreError`, or the nonce directory's error, naming path and remedy.
 */
export function openPairDatabase(options: LmdbExecutionStoreOptions): PairDatabase {
  const { directory, durability } = options;
  prepareDirectory(directory);
  const bootId = durability === 'machine' ? undefined : (options.bootId ?? readBootId());
  const name = bootId === undefined ? 'executions-synced.mdb' : `executions-boot-${bootId}.mdb`;
  const database = openAt(join(directory, name), bootId === undefined, options);
  for (const former of readdirSync(directory).filter((file) => FILE_NAME.test(file) && file !== name)) {
    removeJournal(join(directory, former));
  }
  return database;
}

function openAt(path: string, synced: boolean, options: LmdbExecutionStoreOptions): PairDatabase {
  prepareFiles(path);
  try {
    refuseForeignFile(path);
    refuseFullDisk(options.directory);
    return openFile(path, synced, Math.max(LEAST_MAP_BYTES, options.maxInAll * MAP_BYTES_PER_PAIR));
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

function openFile(path: string, synced: boolean, mapSize: number): PairDatabase {
  const sizes = { mapSize, pageSize: PAGE_BYTES, maxDbs: TABLES };
  const how = { noSubdir: true, overlappingSync: false, noSync: !synced } as const;
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const root = open<Buffer, Buffer>({ path, ...sizes, ...how, ...binary });
  const reserve = openDiskReserve(path);
  return {
    root,
    transact(action) {
      root.transactionSync(
        () => {
          if (!hasRoom(root, reserve)) throw new Error(`the disk under ${path} is full`);
          action();
        },
        synced ? COMMIT_AND_FLUSH : COMMIT_ONLY,
      );
    },
    async close() {
      await root.close();
      reserve.close();
    },
  };
}

/** With the write lock held, and before anything is written; see `nonces/disk-reserve.ts`. */
function hasRoom(root: RootDatabase<Buffer, Buffer>, reserve: DiskReserve): boolean {
  const { env } = root as unknown as { readonly env: { info(): { readonly lastPageNumber: number } } };
  const wanted = (env.info().lastPageNumber + 1) * PAGE_BYTES + TRANSACTION_BYTES;
  return reserve.upTo(wanted) >= wanted;
}
