/**
 * The files of a log (C2SP tlog-tiles) in a directory that nobody vouches for: each is opened once, without following a
 * link and without waiting, must be a regular file, and is read within the bound of what it can be.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, opendirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_RECORD_BYTES } from '../../tlog/entries.js';
import { HASH_BYTES, TILE_WIDTH } from '../../tlog/merkle.js';
import type { TileReader } from '../../tlog/proofs.js';
import { entriesPath, tilePath, type TileName } from '../../tlog/tile-paths.js';

/** A file of a log that is there and cannot be what it should; `file` is relative to the log. The message is a phrase. */
export class LogFileError extends Error {
  override readonly name = 'LogFileError';
  readonly file: string;

  constructor(file: string, message: string) {
    super(message);
    this.file = file;
  }
}

/** What was read of a file. */
export interface LogFileBytes {
  /** Relative to the log. */
  readonly file: string;
  readonly bytes: Buffer;
}

export const CHECKPOINT_FILE = 'checkpoint';

/** A checkpoint with 256 signatures has some 40 KiB. */
const MAX_CHECKPOINT_BYTES = 1_048_576;
const MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_RECORD_BYTES);
const FIRST_ROOM_BYTES = 262_144;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW;

/** A log's directory. Its methods throw `LogFileError` for what is there and is no such file. */
export class LogDirectory {
  readonly path: string;
  #room = Buffer.alloc(FIRST_ROOM_BYTES);

  constructor(path: string) {
    this.path = path;
  }

  /** The published checkpoint, or the one in another file: a note that nobody has verified; undefined when there is none. */
  checkpoint(file = CHECKPOINT_FILE): string | undefined {
    const bytes = this.#read(file, MAX_CHECKPOINT_BYTES);
    if (bytes === undefined) return undefined;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new LogFileError(file, 'is not UTF-8 text');
    }
  }

  /**
   * A tile's hashes, in memory of their own. A partial one may have been replaced by the full one, or by a wider one while the
   * log grows: then its first hashes are taken. Undefined when there is none.
   */
  tile({ level, index, width }: TileName): LogFileBytes | undefined {
    const found = this.#widest(width, TILE_WIDTH * HASH_BYTES, (as) => tilePath(level, index, as));
    if (found === undefined) return undefined;
    const { file, bytes, width: foundWidth } = found;
    if (bytes.length !== foundWidth * HASH_BYTES)
      throw new LogFileError(
        file,
        `has ${bytes.length} bytes instead of ${foundWidth * HASH_BYTES}, 32 for each hash`,
      );
    return { file, bytes: Buffer.from(bytes.subarray(0, width * HASH_BYTES)) };
  }

  /** An entry bundle of at least `width` records, as it is. Its memory is used again by the next call of any method. */
  bundle(index: number, width: number): (LogFileBytes & { readonly width: number }) | undefined {
    return this.#widest(width, MAX_BUNDLE_BYTES, (as) => entriesPath(index, as));
  }

  /** The exact file, else the full one, else a wider partial one. */
  #widest(
    width: number,
    maxBytes: number,
    nameOf: (width: number) => string,
  ): (LogFileBytes & { readonly width: number }) | undefined {
    for (const candidate of width === TILE_WIDTH ? [width] : [width, TILE_WIDTH]) {
      const bytes = this.#read(nameOf(candidate), maxBytes);
      if (bytes !== undefined) return { file: nameOf(candidate), bytes, width: candidate };
    }
    if (width === TILE_WIDTH) return undefined;
    const wider = this.partialWidths(nameOf(width)).find((other) => other > width);
    const bytes = wider === undefined ? undefined : this.#read(nameOf(wider), maxBytes);
    return wider === undefined || bytes === undefined
      ? undefined
      : { file: nameOf(wider), bytes, width: wider };
  }

  /** The widths that stand in the directory of a partial file, in ascending order. */
  partialWidths(partialFile: string): number[] {
    const widths: number[] = [];
    try {
      const entries = opendirSync(join(this.path, partialFile, '..'));
      try {
        // A hostile directory may have more entries than there are widths.
        for (let seen = 0; seen < 4 * TILE_WIDTH; seen++) {
          const entry = entries.readSync();
          if (entry === null) break;
          if (/^[1-9][0-9]{0,2}$/.test(entry.name) && Number(entry.name) < TILE_WIDTH)
            widths.push(Number(entry.name));
        }
      } finally {
        entries.closeSync();
      }
    } catch (error) {
      if (!isMissing(error)) throw readFault(partialFile, error);
    }
    return widths.sort((a, b) => a - b);
  }

  /** Whether something is there under this name. */
  has(file: string): boolean {
    try {
      return lstatSync(join(this.path, file), { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      throw readFault(file, error);
    }
  }

  /** A file of ours beside the log's. Its memory is used again by the next call of any method; undefined when there is none. */
  file(file: string, maxBytes: number): Buffer | undefined {
    return this.#read(file, maxBytes);
  }

  /** Shares the room; undefined when there is no such file. */
  #read(file: string, maxBytes: number): Buffer | undefined {
    let descriptor: number | undefined;
    try {
      descriptor = openSync(join(this.path, file), OPEN_FLAGS);
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new LogFileError(file, 'is not a regular file');
      if (stats.size > maxBytes)
        throw new LogFileError(file, `has ${stats.size} bytes, and ${maxBytes} at most can belong to it`);
      return this.#readOpen(descriptor, stats.size);
    } catch (error) {
      if (error instanceof LogFileError) throw error;
      if (isMissing(error)) return undefined;
      throw readFault(file, error);
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  /** What a file grows by while it is read is not of it. */
  #readOpen(descriptor: number, size: number): Buffer {
    if (size > this.#room.length) this.#room = Buffer.alloc(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read)
      read = readSync(descriptor, this.#room, length, size - length, null);
    return this.#room.subarray(0, length);
  }
}

/** By shape and not by class: an error of another realm (a worker, a test runner) is no instance of our `Error`. */
function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error));
}

function readFault(file: string, error: unknown): LogFileError {
  const code = codeOf(error);
  if (code === 'ELOOP') return new LogFileError(file, 'is a symbolic link, which no log has');
  if (code === 'ENXIO') return new LogFileError(file, 'is not a regular file');
  if (code === 'EACCES' || code === 'EPERM') return new LogFileError(file, 'may not be read by this user');
  return new LogFileError(file, `cannot be read (${code})`);
}

/** The tiles of a directory, for proofs. */
export function tileReaderOf(directory: LogDirectory): TileReader {
  return {
    tile: (tile) => {
      const found = directory.tile(tile);
      return found === undefined
        ? Promise.reject(new LogFileError(tilePath(tile.level, tile.index, tile.width), 'is missing'))
        : Promise.resolve(found.bytes);
    },
  };
}
