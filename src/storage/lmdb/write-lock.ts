/**
 * Keeps apart what LMDB does not: opening a database, and writing to it from another process. A process that opens
 * one (lmdb 3.5.6, `mdb_env_open2`) reads the number of the last transaction and, a moment later, writes it into the
 * lock file for all, without holding LMDB's own write lock. What others committed in that moment is overwritten by the
 * next writer: a nonce is forgotten, or the file is torn. So every opening and every transaction of a database holds
 * this lock: the write lock of a second, empty database beside it, which the kernel gives on when its holder is killed.
 * To this one no page is ever written, and its own opening does no harm.
 */
import { open, type TransactionFlags } from 'lmdb';

/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- lmdb declares its flags as an enum that it does not export at run time; the numbers are those of its documentation */
/** Return after the commit, which waits for the disk where the database was opened so. */
export const COMMIT_AND_FLUSH = 0x2 as TransactionFlags;
/** Return after the commit, without waiting for the disk. */
export const COMMIT_ONLY = 0x10002 as TransactionFlags;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

/** The write lock of one database in this process. */
export interface WriteLock {
  /** Runs `action` while no other process opens the database or writes to it. Throws what it threw. */
  hold<T>(action: () => T): T;
  close(): Promise<void>;
}

const MAP_BYTES = 1_048_576;

/** Opens or makes the lock whose file is `path`. Throws what the database throws. */
export function openWriteLock(path: string): WriteLock {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const sync = { overlappingSync: false, noSync: true };
  const root = open<Buffer, Buffer>({
    path,
    noSubdir: true,
    mapSize: MAP_BYTES,
    maxDbs: 1,
    ...sync,
    ...binary,
  });
  return {
    hold: (action) => root.transactionSync(action, COMMIT_ONLY),
    close: () => root.close(),
  };
}
