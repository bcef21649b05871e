/** Files that are there whole or not at all, readable by their owner alone. */
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Writes `text` at mode 0600 (by another name first, so that no reader sees half of it). Throws I/O faults. */
export function writePrivateFile(path: string, text: string): void {
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, text, { mode: 0o600 });
  chmodSync(partial, 0o600);
  renameSync(partial, path);
}

/** The text of a file; undefined when there is none. Other I/O faults throw. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
