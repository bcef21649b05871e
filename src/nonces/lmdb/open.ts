/** From a directory to an open journal with a floor that covers whatever was lost (docs/security-requirements.md#16, #17). */
import { readdirSync, statfsSync } from 'node:fs';
import { readBootId } from '../../storage/lmdb/boot-id.js';
import { formerJournals, journalPath } from './journal-files.js';
import {
  lastWrittenMs,
  prepareDirectory,
  prepareFiles,
  refuseForeignFiles,
  removeDatabase,
  watchFiles,
} from '../../storage/lmdb/database-files.js';
import { openJournal, type Journal, type JournalTransaction } from './journal.js';
import { raiseMarker, readMarker, resetMarker } from '../../storage/lmdb/markers.js';
import { startFloorSeconds } from '../store-health.js';
import { checkNonceStoreOptions, type NonceStoreOptions } from '../store-options.js';
import { StorageError } from '../../storage/storage-error.js';

export interface LmdbNonceStoreOptions extends NonceStoreOptions {
  /** A directory for the store alone, on a local disk. Made with mode 0700 where it is missing. */
  readonly directory: string;
  /**
   * `process` (the fast one): a claim survives the death of every process; after a machine restart the store
   * starts with the floor of docs/security-requirements.md#16. `machine`: each batch waits for the disk, and the event loop with it.
   * Neither lets a nonce in twice; without a boot id, `process` is `machine`. docs/adr/0001-nonce-durability.md.
   */
  readonly durability: 'machine' | 'process';
  /** Bound of the records in the database (its file may be twice that). Default: ample for `maxEntries`. */
  readonly maxJournalBytes?: number;
  /** The running kernel's id, as `/proc/sys/kernel/random/boot_id` has it; tests restart machines with it. */
  readonly bootId?: string;
}

export interface OpenedJournal {
  readonly journal: Journal;
  /** Whether the files on the disk are still the ones that are open. */
  readonly filesIntact: () => boolean;
}

/** A record of one claim takes some 150 bytes, and stays for up to half a minute after the entry has died. */
const JOURNAL_BYTES_PER_ENTRY = 512;
const LEAST_JOURNAL_BYTES = 16 * 1_048_576;
/** Pages that are partly empty, pages that wait for being used again, and room to spare: address space is free. */
const MAP_BYTES_PER_JOURNAL_BYTE = 4;
/** The database's first transactions come before our reserve of disk space. */
const FREE_BYTES_TO_OPEN = 8 * 1_048_576;

/** The bound of the records, as configured or by `maxEntries`. */
export function journalBound({ maxJournalBytes, maxEntries }: LmdbNonceStoreOptions): number {
  return maxJournalBytes ?? Math.max(LEAST_JOURNAL_BYTES, maxEntries * JOURNAL_BYTES_PER_ENTRY);
}

/** Throws `StorageError` naming path and remedy when the directory or its database cannot be used. */
export function openStoreJournal(options: LmdbNonceStoreOptions): OpenedJournal {
  return openWithFloor(options, (futureSkewSeconds, lastWriteMs) =>
    startFloorSeconds(Math.max(options.clock.nowMs(), lastWriteMs), futureSkewSeconds),
  );
}

/**
 * Makes the directory of a store that has certainly never served: one for request keys that were made just
 * now. Its first start then need not refuse the first `futureSkewSeconds`. A directory that is not empty is
 * left as it is. For any other use it would let requests in twice. Throws like `openLmdbNonceStore`.
 */
export async function initialiseNonceDirectory(options: LmdbNonceStoreOptions): Promise<void> {
  prepareDirectory(options.directory);
  if (readdirSync(options.directory).length > 0) return;
  await openWithFloor(options, () => 0).journal.close();
}

/** Decides the floor of a journal that has just been made, by what may have been let in before. */
type FloorOfNew = (futureSkewSeconds: number, lastWriteMs: number) => number;

function openWithFloor(options: LmdbNonceStoreOptions, floorOfNew: FloorOfNew): OpenedJournal {
  checkNonceStoreOptions(options);
  const { directory, durability } = options;
  prepareDirectory(directory);
  const bootId = durability === 'machine' ? undefined : (options.bootId ?? readBootId());
  const synced = bootId === undefined;
  const path = journalPath(directory, bootId);
  const former = formerJournals(directory, path);
  const journal = openAt(path, synced, options);
  journal.transact((transaction) => {
    if (transaction.head() === undefined) beginJournal(transaction, options, former, floorOfNew);
    raiseMarker(directory, 'future-skew', options.futureSkewSeconds);
  });
  former.forEach(removeDatabase);
  return { journal, filesIntact: watchFiles(path) };
}

/**
 * Whatever was let in before had a timestamp of at most the last moment that anything was written, or of now,
 * plus the furthest skew of that time. A file's time survives a clock that was ahead and has been put right.
 */
function beginJournal(
  transaction: JournalTransaction,
  { directory, futureSkewSeconds }: LmdbNonceStoreOptions,
  former: readonly string[],
  floorOfNew: FloorOfNew,
): void {
  const widest = Math.max(futureSkewSeconds, readMarker(directory, 'future-skew'));
  const floorSeconds = Math.max(floorOfNew(widest, lastWrittenMs(former)), readMarker(directory, 'floor'));
  raiseMarker(directory, 'floor', floorSeconds);
  resetMarker(directory, 'future-skew', futureSkewSeconds);
  transaction.writeHead({ lastRecord: 0, floorSeconds, forgottenThroughSeconds: 0 });
}

function openAt(path: string, synced: boolean, options: LmdbNonceStoreOptions): Journal {
  try {
    prepareFiles(path);
    refuseForeignFiles(path);
    refuseFullDisk(options.directory);
    return openJournal({ path, synced, mapBytes: mapBytes(options) });
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(
      `nonce store: ${path} cannot be opened (${reason}); if the file is damaged, stop every process that uses it and remove the directory`,
      { cause: error },
    );
  }
}

function mapBytes(options: LmdbNonceStoreOptions): number {
  return MAP_BYTES_PER_JOURNAL_BYTE * Math.max(LEAST_JOURNAL_BYTES, journalBound(options));
}

function refuseFullDisk(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize >= FREE_BYTES_TO_OPEN) return;
  throw new StorageError(
    `nonce store: the disk under ${directory} has less than ${FREE_BYTES_TO_OPEN} bytes free; make room, or name another directory`,
  );
}
