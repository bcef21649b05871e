/**
 * What a rotation asks of the file system, in steps that a crash can come between. Tests put one below that stops after any
 * of them. Every step is on the disk before the next one begins.
 */
import {
  fstatSync,
  fsyncSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ifThere, syncDirectory, withFile } from '../../storage/file-steps.js';

export interface KeyFiles {
  /** Undefined when there is nothing of that name. */
  read(path: string): Buffer | undefined;
  /** Names in a directory; none when it is not there. */
  list(directory: string): readonly string[];
  /** Makes a directory for its owner alone, and those above it; nothing when it is there. Throws a sentence where others can get at it. */
  makeDirectory(path: string): void;
  /** Puts a file for its owner alone in its place, whole or not at all; `${path}.new` is its name meanwhile. */
  put(path: string, bytes: Uint8Array): void;
  /** Overwrites a secret and removes it; nothing when it is not there. */
  wipe(path: string): void;
}

const OWNER_ONLY_DIRECTORY = 0o700;
const OWNER_ONLY = 0o600;
const OTHERS = 0o007;

/** The file system of this machine. Every method throws the system's error. */
export const nodeKeyFiles: KeyFiles = {
  read: (path) => ifThere(() => readFileSync(path)),
  list: (directory) => ifThere(() => readdirSync(directory)) ?? [],
  makeDirectory: (path) => {
    const first = mkdirSync(path, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
    if (first !== undefined) syncMade(path, dirname(first));
    const { mode } = statSync(path);
    if ((mode & OTHERS) !== 0)
      throw new Error(`the directory ${path} is open to other users: close it with chmod 700 ${path}`);
  },
  put: (path, bytes) => {
    const temporary = `${path}.new`;
    rmSync(temporary, { force: true });
    withFile(
      temporary,
      'wx',
      (file) => {
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
        fsyncSync(file);
      },
      OWNER_ONLY,
    );
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  },
  wipe: (path) => {
    ifThere(() => withFile(path, 'r+', overwrite));
    rmSync(path, { force: true });
    syncDirectory(dirname(path));
  },
};

function overwrite(file: number): void {
  const zeros = Buffer.alloc(fstatSync(file).size);
  for (let at = 0; at < zeros.length;) at += writeSync(file, zeros, at, zeros.length - at, at);
  fsyncSync(file);
}

/** The names of directories that were made, from the lowest one up to what was there. */
function syncMade(path: string, there: string): void {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    syncDirectory(parent);
    if (parent === there || parent === dirname(parent)) return;
  }
}
