/**
 * Appends whole chunks to a file that other processes may append to as well: each chunk is one write behind
 * whatever is there (`O_APPEND`), which Linux does not interleave on a local disk. A chunk of which only the
 * beginning did fit is overwritten where it lies, by one line with an empty object: cutting it off could take away
 * what others have written behind it, and leaving it would tear their next line.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ChunkWriter } from './audit-log.js';

/** Operators read the records; nobody else does. */
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;
const LEAST_OBJECT_LINE = '{}\n'.length;

/** Opens for appending, making the directory if need be. Throws the system's error, with the path in it. */
export function openFileWriter(path: string): ChunkWriter {
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const descriptor = openSync(path, 'a', FILE_MODE);
  return {
    write: (chunk) => appendWhole(descriptor, Buffer.from(chunk)),
    close: () => closeSync(descriptor),
  };
}

/** The rest is not tried in a second write, which others could come before. */
function appendWhole(descriptor: number, chunk: Buffer): void {
  const written = writeSync(descriptor, chunk);
  if (written === chunk.length) return;
  takeBack(descriptor, written);
  throw new Error(`the disk is full: it took ${written} of ${chunk.length} bytes`);
}

/** `written` bytes lie before the descriptor's position, and others may have appended since. */
function takeBack(descriptor: number, written: number): void {
  const facts = `/proc/self/fdinfo/${descriptor}`;
  if (!existsSync(facts)) {
    // Not Linux, where nothing tells the position: several writers are not for there.
    ftruncateSync(descriptor, fstatSync(descriptor).size - written);
    return;
  }
  const end = Number(/^pos:\s*([0-9]+)$/m.exec(readFileSync(facts, 'latin1'))?.[1]);
  // What appends cannot overwrite, and the path may lead to another file by now.
  const overwriting = openSync(`/proc/self/fd/${descriptor}`, 'r+');
  try {
    writeSync(overwriting, emptyLine(written), 0, written, end - written);
  } finally {
    closeSync(overwriting);
  }
}

/** A line of exactly so many bytes that says nothing. */
function emptyLine(bytes: number): Buffer {
  const spaces = ' '.repeat(Math.max(0, bytes - LEAST_OBJECT_LINE));
  return Buffer.from(bytes < LEAST_OBJECT_LINE ? '\n'.padStart(bytes) : `{${spaces}}\n`);
}
