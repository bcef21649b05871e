/** Telling whether a file is still what it was: its content and its mode, or why it cannot be read. */
import { createHash } from 'node:crypto';
import { readBoundedFile } from './read-file.js';

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
  const file = readBoundedFile(path, MAX_BYTES);
  if (!file.ok) return file.message;
  const print = printRead(file);
  file.bytes.fill(0);
  return print;
}

/** The print of a file that was read already. */
export function printRead({ bytes, mode }: { readonly bytes: Uint8Array; readonly mode: number }): FilePrint {
  return `${(mode & MODE_BITS).toString(8)} ${createHash('sha256').update(bytes).digest('hex')}`;
}
