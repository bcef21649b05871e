/**
 * What the log asks of the file system, in steps that a crash can come between. Tests put one below that stops after
 * any of them, or forgets what was not synced.
 */
import {
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { ifThere, syncDirectory, withFile } from '../../storage/file-steps.js';

export interface LogFileSystem {
  /** Undefined when there is nothing of that name. */
  read(path: string): Buffer | undefined;
  /** Bytes from `offset` on, at most so many; fewer at the end of the file. */
  readAt(path: string, offset: number, bytes: number): Buffer;
  /** Undefined when there is nothing of that name. */
  stat(path: string): { readonly bytes: number; readonly modifiedMs: number } | undefined;
  /** Names in a directory; none when it is not there. */
  list(directory: string): string[];
  /** Makes one directory, whose parent is there; nothing when it is there. */
  makeDirectory(path: string): void;
  /** Makes an empty file, or empties it. */
  touch(path: string): void;
  /** Writes a file anew, and waits until its bytes are on the disk; its name is not yet. */
  writeSynced(path: string, bytes: Uint8Array): void;
  /** Replaces what has the name. */
  rename(from: string, to: string): void;
  /** Waits until the names in a directory are on the disk. */
  syncDirectory(path: string): void;
  /** Waits until the bytes of a file that is there are on the disk. */
  syncFile(path: string): void;
  /** Removes a file, or a directory with all that is in it; nothing when it is not there. */
  remove(path: string): void;
}

const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o640;

/** The file system of this machine. Every method throws the system's error. */
export const nodeFileSystem: LogFileSystem = {
  read: (path) => ifThere(() => readFileSync(path)),
  readAt: (path, offset, bytes) => withFile(path, 'r', (file) => readFully(file, offset, bytes)),
  stat: (path) =>
    ifThere(() => {
      const { size, mtimeMs } = statSync(path);
      return { bytes: size, modifiedMs: mtimeMs };
    }),
  list: (directory) => ifThere(() => readdirSync(directory)) ?? [],
  makeDirectory: (path) => {
    if (!existsSync(path)) mkdirSync(path, { mode: DIRECTORY_MODE });
  },
  touch: (path) => withFile(path, 'w', () => undefined, FILE_MODE),
  writeSynced: (path, bytes) =>
    withFile(
      path,
      'w',
      (file) => {
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
        fdatasyncSync(file);
      },
      FILE_MODE,
    ),
  rename: renameSync,
  syncDirectory,
  syncFile: (path) => withFile(path, 'r', fsyncSync),
  remove: (path) => rmSync(path, { recursive: true, force: true }),
};

function readFully(file: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  while (at < bytes) {
    const read = readSync(file, buffer, at, bytes - at, offset + at);
    if (read === 0) break;
    at += read;
  }
  return buffer.subarray(0, at);
}
