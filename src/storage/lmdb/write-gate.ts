/**
 * Keeps apart what LMDB does not: opening a database, and writing to it from another process. A process that opens
 * one (lmdb 3.5.6, `mdb_env_open2`) reads the number of the last transaction and, a moment later, writes it into the
 * lock file for all, without holding the write lock. What others committed in that moment is overwritten by the next
 * writer: a nonce is forgotten, or the file is torn. So every opening and every transaction of a database holds this
 * gate: the write lock of a second, empty database beside it, which the kernel gives on when its holder is killed.
 * To this one no page is ever written, and its own opening does no harm.
 */
import { open } from 'lmdb';
import { COMMIT_ONLY } from './transaction-flags.js';

/** The gate of one database in this process. */
export interface WriteGate {
  /** Runs `action` while no other process opens the database or writes to it. Throws what it threw. */
  hold<T>(action: () => T): T;
  close(): Promise<void>;
}

const MAP_BYTES = 1_048_576;

/** Opens or makes the gate whose file is `path`. Throws what the database throws. */
export function openWriteGate(path: string): WriteGate {
  const root = open<Buffer, Buffer>({
    path,
    noSubdir: true,
    overlappingSync: false,
    noSync: true,
    mapSize: MAP_BYTES,
    maxDbs: 1,
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  return {
    hold: (action) => root.transactionSync(action, COMMIT_ONLY),
    close: () => root.close(),
  };
}
