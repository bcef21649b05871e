/** Telling whether a file is still what it was: its content and its mode, or why it cannot be read. */
import { createHash, webcrypto } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';

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

/** The same off the loop: files are read and hashed by other threads. */
export async function printFileElsewhere(path: string): Promise<FilePrint> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) return 'no regular file';
    if (stats.size > MAX_BYTES) return `too large: ${stats.size} ${stats.mtimeMs}`;
    const hash = await webcrypto.subtle.digest('SHA-256', await readFile(path));
    return printText(stats.mode, Buffer.from(hash).toString('hex'));
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
  return printText(mode, createHash('sha256').update(bytes).digest('hex'));
}

function printText(mode: number, hash: string): FilePrint {
  return `${(mode & MODE_BITS).toString(8)} ${hash}`;
}
