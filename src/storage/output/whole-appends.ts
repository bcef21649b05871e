/**
 * Chunks at the end of a file, each whole or with no record of it left behind. Each is one write behind whatever is
 * there (`O_APPEND`), which Linux does not interleave on a local disk. A chunk of which only the beginning did fit is
 * overwritten where it lies, by one line with an empty object: cutting it off could take away what others have
 * written behind it, and leaving it would tear their next line.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';

const LEAST_OBJECT_LINE = '{}\n'.length;
const NEWLINE = Buffer.from('\n');

export class WholeAppends {
  readonly #descriptor: number;
  /** The beginning of a chunk lies at the end and could not be overwritten: the next one starts on a line of its own. */
  #isTorn = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Gives the chunk's length. Throws when not all of it did fit; the rest is not tried, as others could come before. */
  write(chunk: Buffer): number {
    const bytes = this.#isTorn ? Buffer.concat([NEWLINE, chunk]) : chunk;
    const written = writeSync(this.#descriptor, bytes);
    if (written === bytes.length) {
      this.#isTorn = false;
      return chunk.length;
    }
    this.#isTorn = true;
    this.#isTorn = !takeBack(this.#descriptor, bytes.subarray(0, written));
    throw new Error(`the disk is full: it took ${written} of ${bytes.length} bytes`);
  }
}

/** What was written lies before the descriptor's position, and others may have appended since. False when it is not found. */
function takeBack(descriptor: number, written: Buffer): boolean {
  const facts = `/proc/self/fdinfo/${descriptor}`;
  if (!existsSync(facts)) {
    // Not Linux, where nothing tells the position: several writers are not for there.
    ftruncateSync(descriptor, fstatSync(descriptor).size - written.length);
    return true;
  }
  const end = Number(/^pos:\s*([0-9]+)$/m.exec(readFileSync(facts, 'latin1'))?.[1]);
  try {
    return overwrite(descriptor, end - written.length, written);
  } catch {
    return false;
  }
}

/** The file may have been cut to nothing since, or the position be shared: only what is our own is overwritten. */
function overwrite(descriptor: number, start: number, ours: Buffer): boolean {
  // What appends cannot overwrite, and the path may lead to another file by now.
  const overwriting = openSync(`/proc/self/fd/${descriptor}`, 'r+');
  try {
    const there = Buffer.alloc(ours.length);
    readSync(overwriting, there, 0, there.length, start);
    if (!there.equals(ours)) return false;
    writeSync(overwriting, emptyLine(ours.length), 0, ours.length, start);
    return true;
  } finally {
    closeSync(overwriting);
  }
}

/** A line of exactly so many bytes that says nothing. */
function emptyLine(bytes: number): Buffer {
  const spaces = ' '.repeat(Math.max(0, bytes - LEAST_OBJECT_LINE));
  return Buffer.from(bytes < LEAST_OBJECT_LINE ? '\n'.padStart(bytes) : `{${spaces}}\n`);
}
