/**
 * From a directory to an open journal with a floor that covers whatever was lost (docs/security-requirements.md#16, #17).
 *
 * Two numbers outlive the journal, as names of empty files (`floor-1764000030`): a name is there or not there after a
 * crash, never half written, and two processes that write different ones lose neither.
 */
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../../storage/file-steps.js';
import type { DatabasePlace } from '../../storage/lmdb/database.js';
import { lastWrittenMs, prepareDirectory } from '../../storage/lmdb/database-files.js';
import { checkNonceStoreOptions, type NonceStoreOptions } from '../nonce-store.js';
import { startFloorSeconds } from '../store-status.js';
import { openJournal, type Journal, type JournalTransaction } from './journal.js';

/** A directory, and how a claim survives: docs/adr/0001-nonce-durability.md. Neither durability lets a nonce in twice. */
export interface LmdbNonceStoreOptions extends NonceStoreOptions, DatabasePlace {
  /** Bound of the records in the database (its file may be twice that). Default: ample for `maxEntries`. */
  readonly maxJournalBytes?: number;
}

/** A record of one claim takes some 150 bytes, and stays for up to half a minute after the entry has died. */
const JOURNAL_BYTES_PER_ENTRY = 512;
const LEAST_JOURNAL_BYTES = 16 * 1_048_576;
/** Pages that are partly empty, pages that wait for being used again, and room to spare: address space is free. */
const MAP_BYTES_PER_JOURNAL_BYTE = 4;

/** The bound of the records, as configured or by `maxEntries`. */
export function journalBound({ maxJournalBytes, maxEntries }: LmdbNonceStoreOptions): number {
  return maxJournalBytes ?? Math.max(LEAST_JOURNAL_BYTES, maxEntries * JOURNAL_BYTES_PER_ENTRY);
}

/** Throws `StorageError` naming path and remedy when the directory or its database cannot be used. */
export function openStoreJournal(options: LmdbNonceStoreOptions): Journal {
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
  await openWithFloor(options, () => 0).close();
}

/** Decides the floor of a journal that has just been made, by what may have been let in before. */
type FloorOfNew = (futureSkewSeconds: number, lastWriteMs: number) => number;

function openWithFloor(options: LmdbNonceStoreOptions, floorOfNew: FloorOfNew): Journal {
  checkNonceStoreOptions(options);
  const mapBytes = MAP_BYTES_PER_JOURNAL_BYTE * Math.max(LEAST_JOURNAL_BYTES, journalBound(options));
  const journal = openJournal({ ...options, mapBytes });
  journal.transact((transaction) => {
    if (transaction.head() === undefined) beginJournal(transaction, options, journal.formerFiles, floorOfNew);
    raiseNumberFile(options.directory, 'future-skew', options.futureSkewSeconds);
  });
  journal.removeFormerFiles();
  return journal;
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
  const widest = Math.max(futureSkewSeconds, readNumberFile(directory, 'future-skew'));
  const floorSeconds = Math.max(
    floorOfNew(widest, lastWrittenMs(former)),
    readNumberFile(directory, 'floor'),
  );
  raiseNumberFile(directory, 'floor', floorSeconds);
  resetNumberFile(directory, 'future-skew', futureSkewSeconds);
  transaction.writeHead({ lastRecord: 0, floorSeconds, forgottenThroughSeconds: 0 });
}

const NUMBER_FILE = /^(floor|future-skew)-([0-9]{1,12})$/;

/** `floor`: Unix seconds. `future-skew`: seconds, the furthest that any process sharing the directory lets in. */
type NumberName = 'floor' | 'future-skew';

/** The greatest number under that name; 0 when there is none. */
export function readNumberFile(directory: string, name: NumberName): number {
  return Math.max(0, ...numbersNamed(directory, name));
}

/** Puts the number on the disk; greater ones stay and count. */
export function raiseNumberFile(directory: string, name: NumberName, value: number): void {
  if (numbersNamed(directory, name).includes(value)) return;
  closeSync(openSync(join(directory, `${name}-${value}`), 'a', 0o600));
  syncDirectory(directory);
  for (const lower of numbersNamed(directory, name)) {
    if (lower < value) rmSync(join(directory, `${name}-${lower}`), { force: true });
  }
}

/** Leaves this number alone under the name, even where a greater one was. */
export function resetNumberFile(directory: string, name: NumberName, value: number): void {
  raiseNumberFile(directory, name, value);
  for (const other of numbersNamed(directory, name)) {
    if (other !== value) rmSync(join(directory, `${name}-${other}`), { force: true });
  }
}

function numbersNamed(directory: string, name: NumberName): number[] {
  return readdirSync(directory).flatMap((file) => {
    const [, kind, digits] = NUMBER_FILE.exec(file) ?? [];
    return kind === name ? [Number(digits)] : [];
  });
}
