/** The lock of a log: one sequencer seals at a time, also while one process takes over from another. */
import { closeSync, openSync } from 'node:fs';
import { refuseForeignFile } from '../../storage/lmdb/database-files.js';
import { openWriteLock, type WriteLock } from '../../storage/lmdb/write-lock.js';

const PRIVATE_FILE = 0o600;

/** Opens or makes the lock. Throws the system's error, or that the file is none. */
export function openLogLock(path: string): WriteLock {
  closeSync(openSync(path, 'a', PRIVATE_FILE));
  refuseForeignFile(path);
  return openWriteLock(path);
}
