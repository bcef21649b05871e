/**
 * Disk space taken before the database writes into it. The database library (lmdb 3.5.6) overruns a buffer of
 * its own when a write finds the disk full, and the process dies of it; so the file is always extended by us,
 * ahead of the database, where a full disk is an ordinary answer.
 */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';

const STEP_BYTES = 1_048_576;
const ZEROS = Buffer.alloc(STEP_BYTES);

export interface DiskReserve {
  /**
   * Tries to make sure that the file has blocks on the disk up to `bytes`, and gives how many it has then. To
   * be called with the database's write lock held. A full disk is no error here: the answer is just smaller.
   */
  upTo(bytes: number): number;
  close(): void;
}

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Opens the file at `path` for extending it. Throws the system's error. */
export function openDiskReserve(path: string): DiskReserve {
  const file = openSync(path, 'r+');
  let reservedBytes = 0;
  return {
    upTo(bytes) {
      if (bytes > reservedBytes) reservedBytes = extend(file, bytes);
      return reservedBytes;
    },
    close: () => closeSync(file),
  };
}

function extend(file: number, bytes: number): number {
  let size = fstatSync(file).size;
  try {
    while (size < bytes) size += writeSync(file, ZEROS, 0, STEP_BYTES, size);
  } catch (error) {
    if (!NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return fstatSync(file).size;
}
