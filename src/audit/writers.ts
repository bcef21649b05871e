/**
 * Where records are written: a file, or standard output.
 *
 * The file is the one that the path names, also after that was moved, removed or replaced, and beside
 * other processes that append to it as well. Before each chunk it is looked whether the path still leads to the open
 * file, and after it whether the file was removed meanwhile: what went to a removed file is written again to its
 * successor, what went to a moved one is there. Both looks take about 6 µs a chunk, beside its write.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  statSync,
  type BigIntStats,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ChunkWriter } from './audit-log.js';
import { SyncedFile, SyncedFiles } from '../storage/output/synced-files.js';
import { WholeAppends } from '../storage/output/whole-appends.js';
import { isBusy, openStandardStream, PIPE_ATOMIC_BYTES, STDOUT } from '../storage/output/standard-stream.js';

/** Operators read the records; nobody else does. */
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

interface OpenFile {
  readonly device: bigint;
  readonly inode: bigint;
  readonly appends: WholeAppends;
  readonly synced: SyncedFile;
}

/**
 * Opens for appending, making the directory if need be. Throws the system's error, with the path in it.
 * `onReplaced` is told when the path has led to another file than before, and that one is open now.
 * With `machine`, what is written counts as written only once it is on the disk.
 */
export function openFileWriter(
  path: string,
  onReplaced: () => void = () => undefined,
  durability: 'process' | 'machine' = 'process',
): ChunkWriter {
  const file = new FileWriter(path, onReplaced, durability === 'machine');
  const writer = {
    write: (chunk: Buffer) => file.write(chunk),
    reopen: () => file.reopen(),
    close: () => file.close(),
  };
  return durability === 'machine' ? { ...writer, sync: () => file.sync() } : writer;
}

class FileWriter {
  readonly #path: string;
  readonly #onReplaced: () => void;
  /** Undefined after it could not be opened again. */
  #file: OpenFile | undefined;
  readonly #isMachine: boolean;
  readonly #unsynced = new SyncedFiles<OpenFile>((failed) => {
    if (this.#file !== failed) return;
    this.#file = undefined;
    failed.synced.leave();
  });

  constructor(path: string, onReplaced: () => void, isMachine: boolean) {
    this.#path = path;
    this.#isMachine = isMachine;
    this.#onReplaced = onReplaced;
    this.#file = openFile(path);
  }

  write(chunk: Buffer): number {
    const file = this.#leadsTo(this.#file) ? this.#file : this.#openAnew();
    this.#append(file, chunk);
    if (isRemoved(file) && !this.#leadsTo(file)) this.#append(this.#openAnew(), chunk);
    return chunk.length;
  }

  #append(file: OpenFile, chunk: Buffer): void {
    file.appends.write(chunk);
    if (this.#isMachine) this.#unsynced.wrote(file);
  }

  /** A file whose sync has failed is opened anew, so that a later chunk is judged by its own sync. */
  sync(): Promise<void> {
    return this.#unsynced.sync();
  }

  reopen(): void {
    this.#openAnew();
  }

  close(): void {
    this.#file?.synced.leave();
    this.#file = undefined;
  }

  #leadsTo(file: OpenFile | undefined): file is OpenFile {
    const there = factsOf(this.#path);
    return file !== undefined && there?.ino === file.inode && there.dev === file.device;
  }

  /** The old one is open until then, or its inode could be that of the new one. */
  #openAnew(): OpenFile {
    const before = this.#file;
    this.#file = undefined;
    try {
      this.#file = openFile(this.#path);
    } finally {
      before?.synced.leave();
    }
    if (this.#file.inode !== before?.inode || this.#file.device !== before.device) this.#onReplaced();
    return this.#file;
  }
}

function openFile(path: string): OpenFile {
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  // Without waiting for whoever is to read a pipe, which may have come in the place of the file.
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  const descriptor = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, FILE_MODE);
  const facts = fstatSync(descriptor, { bigint: true });
  if (facts.isFIFO()) {
    closeSync(descriptor);
    throw new Error(`${path} is a pipe: name a file, or set audit.stdout`);
  }
  return {
    device: facts.dev,
    inode: facts.ino,
    appends: new WholeAppends(descriptor),
    synced: new SyncedFile(descriptor),
  };
}

function isRemoved({ synced }: OpenFile): boolean {
  return fstatSync(synced.descriptor).nlink === 0;
}

/** Undefined when there is nothing, or nothing that we may see. */
function factsOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

const NEWLINE = 0x0a;
const nothing = (): void => undefined;

/**
 * Standard output may be a pipe that others write to as well, such as a successor: whole lines go out in pieces that a
 * pipe takes at once or not at all, so that the lines of others come between and never within. A reader that stalls
 * leaves no room, which is told and not waited for here.
 *
 * A regular file is written as the files of the settings are, but for its name, which we do not know.
 */
export function openStdoutWriter(): ChunkWriter {
  const descriptor = openStandardStream(STDOUT);
  if (!fstatSync(descriptor).isFile())
    return { write: (chunk) => writeLines(descriptor, chunk), reopen: nothing, close: nothing };
  const appends = new WholeAppends(descriptor);
  return { write: (chunk) => appends.write(chunk), reopen: nothing, close: nothing };
}

/** An error after something was written comes again with the rest. */
function writeLines(descriptor: number, chunk: Buffer): number {
  let written = 0;
  try {
    while (written < chunk.length) {
      const bytes = writeSync(descriptor, chunk, written, pieceEnd(chunk, written) - written);
      if (bytes === 0) break;
      written += bytes;
    }
  } catch (error) {
    if (written === 0 && !isBusy(error)) throw error;
  }
  return written;
}

/** As many whole lines as a pipe takes at once; a longer line alone, which others could come into. */
function pieceEnd(chunk: Buffer, start: number): number {
  if (chunk.length - start <= PIPE_ATOMIC_BYTES) return chunk.length;
  const last = chunk.lastIndexOf(NEWLINE, start + PIPE_ATOMIC_BYTES - 1);
  return last >= start ? last + 1 : chunk.indexOf(NEWLINE, start) + 1;
}
