/** Steps of the file system that everything durable is made of: a descriptor that is closed again, a name that is on the disk, a file that may be missing. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { systemErrorCode } from './error-code.js';

/** Opens, acts and closes, whatever comes of it. `mode` is that of a file that is made. Throws the system's error. */
export function withFile<T>(
  path: string,
  flags: string,
  action: (descriptor: number) => T,
  mode?: number,
): T {
  const descriptor = openSync(path, flags, mode);
  try {
    return action(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Waits until the names in a directory are on the disk. Throws the system's error. */
export function syncDirectory(path: string): void {
  withFile(path, 'r', fsyncSync);
}

/** Undefined where there is nothing of that name; any other error is thrown on. */
export function ifThere<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
