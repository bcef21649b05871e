/** Telling whether a file is still what it was: its content and its mode, or why it cannot be read. */
import { createHash, webcrypto } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { READ_ONLY, readBoundedFile } from './read-file.js';

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

/** The same off the loop: a file of a sensible size is read and hashed by other threads. */
export async function printFileElsewhere(path: string): Promise<FilePrint> {
  const handle = await open(path, READ_ONLY).catch(() => undefined);
  try {
    return (handle && (await printHandle(handle))) ?? printFile(path);
  } catch {
    return printFile(path);
  } finally {
    await handle?.close();
  }
}

async function printHandle(handle: FileHandle): Promise<FilePrint | undefined> {
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size === 0 || stats.size > MAX_BYTES) return undefined;
  const bytes = await handle.readFile();
  const hash = await webcrypto.subtle.digest('SHA-256', bytes);
  bytes.fill(0);
  return printText(stats.mode, Buffer.from(hash).toString('hex'));
}

/** The print of a file that was read already. */
export function printRead({ bytes, mode }: { readonly bytes: Uint8Array; readonly mode: number }): FilePrint {
  return printText(mode, createHash('sha256').update(bytes).digest('hex'));
}

function printText(mode: number, hash: string): FilePrint {
  return `${(mode & MODE_BITS).toString(8)} ${hash}`;
}
