/**
 * Where the records of one process lie before they are sealed: files that it alone appends to, one after the other.
 * Each chunk is a frame, so the sequencer sees all of its records or none; a chunk that did not fit is cut off again,
 * which nobody else's writes can be lost by.
 *
 * The sequencer may delete a file that was silent for two hours, so none is written to for longer than one.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  rmSync,
  statSync,
  writevSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { MAX_RECORD_BYTES } from '../../tlog/entries.js';
import { SyncedFile, SyncedFiles } from '../../storage/output/synced-files.js';
import type { ChunkWriter } from '../audit-log.js';
import { logPaths, writeAheadName } from './directory.js';
import { frameHead } from './frames.js';
import { thisProcess } from './owner.js';

/** What a process appends to. */
export interface WriteAheadOptions {
  /** Of a log that `prepareLog` has prepared. */
  readonly directory: string;
  /** `machine`: what is written counts as written only once it is on the disk. */
  readonly durability: 'process' | 'machine';
  /** Bounds of one file; tests have lower ones. */
  readonly maxFileBytes?: number;
  readonly maxFileMilliseconds?: number;
}

const MAX_FILE_BYTES = 16 * 1_048_576;
const MAX_FILE_MILLISECONDS = 3_600_000;
const FILE_MODE = 0o640;
const EMPTY = Buffer.alloc(0);

interface OpenFile {
  readonly synced: SyncedFile;
  readonly path: string;
  readonly identity: Pick<Stats, 'dev' | 'ino'>;
  readonly openedMs: number;
  readonly openedAtMs: number;
  /** Whole frames. */
  bytes: number;
  isNameSynced: boolean;
}

/** Opens the first file. Throws the system's error, with the path in it, when there is no log. */
export function openWriteAhead(options: WriteAheadOptions): ChunkWriter {
  const files = new WriteAheadFiles(options);
  const writer = {
    maxLineBytes: MAX_RECORD_BYTES + '\n'.length,
    write: (chunk: Buffer) => files.write(chunk),
    // No name is given from outside: there is nothing to open anew.
    reopen: () => undefined,
    close: () => files.close(),
  };
  return options.durability === 'machine' ? { ...writer, sync: () => files.sync() } : writer;
}

class WriteAheadFiles {
  readonly #options: WriteAheadOptions;
  readonly #directory: string;
  readonly #owner = randomBytes(8).toString('hex');
  /** Asked for once: a later file may have to be opened when nothing can be read any more. */
  readonly #head: Buffer;
  readonly #isMachine: boolean;
  #number = 0;
  #file: OpenFile | undefined;
  readonly #unsynced = new SyncedFiles<OpenFile>((failed) => this.#leave(failed));

  constructor(options: WriteAheadOptions) {
    this.#options = options;
    this.#directory = logPaths(options.directory).sequencer;
    this.#isMachine = options.durability === 'machine';
    const owner = Buffer.from(JSON.stringify(thisProcess()));
    this.#head = Buffer.concat([frameHead('H', owner), owner]);
    this.#file = this.#openNext();
  }

  /** All of the chunk or nothing, in which case it throws. */
  write(chunk: Buffer): number {
    this.#append(this.#usable(), chunk);
    if (this.#file !== undefined && fstatSync(this.#file.synced.descriptor).nlink === 0) {
      this.#leave(this.#file);
      this.#append(this.#usable(), chunk);
    }
    return chunk.length;
  }

  /** Waits until all that is written is on the disk. What could not be synced once is not trusted again: its file is left. */
  sync(): Promise<void> {
    return this.#unsynced.sync((file) => this.#syncName(file));
  }

  /** Says that nothing comes any more, where there is room for that. */
  close(): void {
    const file = this.#file;
    if (file === undefined) return;
    try {
      writevSync(file.synced.descriptor, [frameHead('E', EMPTY)]);
    } catch {
      // The sequencer finds out later that this process has ended.
    }
    this.#leave(file);
  }

  async #syncName(file: OpenFile): Promise<void> {
    if (file.isNameSynced) return;
    const directory = openSync(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await promisify(fsync)(directory);
    } finally {
      closeSync(directory);
    }
    file.isNameSynced = true;
  }

  #append(file: OpenFile, chunk: Buffer): void {
    const head = frameHead('R', chunk);
    const bytes = head.length + chunk.length;
    let written = 0;
    try {
      written = writevSync(file.synced.descriptor, [head, chunk]);
      if (written < bytes) throw new Error(`the disk is full: it took ${written} of ${bytes} bytes`);
    } catch (error) {
      this.#takeBack(file);
      throw error;
    }
    file.bytes += bytes;
    if (this.#isMachine) this.#unsynced.wrote(file);
  }

  /** A frame that is not whole is passed over by the sequencer as well, once there is another file. */
  #takeBack(file: OpenFile): void {
    try {
      ftruncateSync(file.synced.descriptor, file.bytes);
    } catch {
      this.#leave(file);
    }
  }

  #usable(): OpenFile {
    const file = this.#file;
    if (file !== undefined && !this.#isSpent(file) && isInPlace(file)) return file;
    // First, since nothing may come behind in a file that has a successor.
    if (file !== undefined) this.#leave(file);
    this.#file = this.#openNext();
    return this.#file;
  }

  /** By both clocks: one stands still while the machine sleeps, the other can be set. */
  #isSpent({ bytes, openedMs, openedAtMs }: OpenFile): boolean {
    const { maxFileBytes = MAX_FILE_BYTES, maxFileMilliseconds = MAX_FILE_MILLISECONDS } = this.#options;
    const age = Math.max(performance.now() - openedMs, Date.now() - openedAtMs);
    return bytes >= maxFileBytes || age >= maxFileMilliseconds;
  }

  /** What cannot be opened whole leaves nothing behind, as it is tried again with every chunk. */
  #openNext(): OpenFile {
    const path = join(this.#directory, writeAheadName(this.#owner, this.#number + 1));
    const descriptor = openSync(path, 'ax', FILE_MODE);
    this.#number += 1;
    try {
      const identity = fstatSync(descriptor);
      if (writevSync(descriptor, [this.#head]) < this.#head.length)
        throw new Error(`the disk is full: nothing of ${path} was written`);
      return {
        synced: new SyncedFile(descriptor),
        path,
        identity,
        openedMs: performance.now(),
        openedAtMs: Date.now(),
        bytes: this.#head.length,
        isNameSynced: false,
      };
    } catch (error) {
      closeSync(descriptor);
      rmSync(path, { force: true });
      throw error;
    }
  }

  #leave(file: OpenFile): void {
    if (this.#file === file) this.#file = undefined;
    file.synced.leave();
  }
}

/**
 * Whether the name still leads to the file. When the log's directory was moved away, what would be written goes where no
 * sequencer looks. Where the system does not tell, the file is as good as it was.
 */
function isInPlace({ path, identity }: OpenFile): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.ino === identity.ino && found.dev === identity.dev;
  } catch {
    return true;
  }
}
