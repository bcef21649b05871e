/** Telling whether a file is still what it was: its content and its mode, or why it cannot be read. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** What a file looked like: equal prints, equal file. Holds nothing of the content but its hash. */
export type FilePrint = string;

const MODE_BITS = 0o777;
/** No file that a configuration names may be larger. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * The print of the file at `path`, symbolic links followed. The mode counts, as closing a key file mends a
 * configuration. What is no readable file of a sensible size has a print too, so that its repair is noticed.
 */
export function printFile(path: string): FilePrint {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return 'no regular file';
    if (stats.size > MAX_BYTES) return `too large: ${stats.size} ${stats.mtimeMs}`;
    return printOf(stats.mode, readFileSync(path));
  } catch (error) {
    return `unreadable: ${String((error as NodeJS.ErrnoException).code)}`;
  }
}

/** The print of a file whose bytes were read already. */
export function printRead(path: string, bytes: Uint8Array): FilePrint {
  try {
    return printOf(statSync(path).mode, bytes);
  } catch {
    return printFile(path);
  }
}

function printOf(mode: number, bytes: Uint8Array): FilePrint {
  return `${(mode & MODE_BITS).toString(8)} ${createHash('sha256').update(bytes).digest('hex')}`;
}
