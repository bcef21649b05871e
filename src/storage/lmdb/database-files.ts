/**
 * The files of an LMDB database: where they lie, who may touch them, and whether they are still the ones that we opened.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../storage-error.js';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;
const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const BOOT_ID = /^[0-9a-f-]{1,64}$/;

/**
 * Which start of the kernel this is: what was written without waiting for the disk is whole within one of them.
 * Undefined where the system has none: then nothing tells a machine restart, and every write waits for the disk.
 */
export function readBootId(): string | undefined {
  const bootId = existsSync(BOOT_ID_FILE) ? readFileSync(BOOT_ID_FILE, 'latin1').trim() : '';
  return BOOT_ID.test(bootId) ? bootId : undefined;
}

/** Every database of that name in the directory, of whatever boot and durability. */
export function databasesNamed(directory: string, name: string): string[] {
  const names = readdirSync(directory).filter((file) => file.startsWith(`${name}-`) && file.endsWith('.mdb'));
  return names.map((file) => join(directory, file));
}

/** Makes the directory (0700) where it is missing. Throws `StorageError` naming path and remedy. */
export function prepareDirectory(directory: string): void {
  const stats = attempt(directory, () => {
    mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
    return statSync(directory);
  });
  const ourUid = process.getuid?.() ?? stats.uid;
  if (stats.uid !== ourUid) {
    throw new StorageError(
      `${directory} belongs to uid ${stats.uid}; give it to uid ${ourUid}, or name a directory of our own`,
    );
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new StorageError(
    `nonce store: others may write to ${directory}; run chmod 700 on it, or name a directory of our own`,
  );
}

/** The file of a database's write lock (`write-lock.ts`). Every version names it so, for they exclude each other by it. */
export function writeLockPath(path: string): string {
  return `${path}-gate`;
}

/** Makes a database's files readable for us alone before the database library opens them. */
export function prepareFiles(path: string): void {
  attempt(path, () => {
    for (const file of filesOf(path)) {
      closeSync(openSync(file, 'a', PRIVATE_FILE));
      chmodSync(file, PRIVATE_FILE);
    }
  });
}

/**
 * Throws where a file is not empty and not a database: the library (lmdb 3.5.6) takes the process down with
 * it when it is given one. The mark is that of LMDB's first page (`mm_magic`, behind a page header).
 */
export function refuseForeignFiles(path: string): void {
  for (const file of [path, writeLockPath(path)]) refuseForeignFile(file);
}

/** The same for one file that is there. */
export function refuseForeignFile(path: string): void {
  const file = openSync(path, 'r');
  const start = Buffer.alloc(MAGIC_OFFSET + 4);
  const bytes = readSync(file, start, 0, start.length, 0);
  closeSync(file);
  if (bytes === 0 || (bytes === start.length && start.readUInt32LE(MAGIC_OFFSET) === MAGIC)) return;
  throw new Error('this is no LMDB database');
}

/** When any of them was last written, Unix milliseconds; 0 when there is none. */
export function lastWrittenMs(paths: readonly string[]): number {
  return Math.max(0, ...paths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

export function removeDatabase(path: string): void {
  for (const file of filesOf(path)) rmSync(file, { force: true });
}

/** Says whether a database's files, its write lock's included, and LMDB's own lock files are still those that it was asked about first. */
export function watchFiles(path: string): () => boolean {
  const files = [path, lockPath(path), lockPath(writeLockPath(path))].map((file) => ({
    file,
    was: statSync(file),
  }));
  return () => files.every(({ file, was }) => isSame(was, statSync(file, { throwIfNoEntry: false })));
}

function isSame(was: Stats, is: Stats | undefined): boolean {
  return is?.ino === was.ino && is.dev === was.dev;
}

function filesOf(path: string): string[] {
  return [path, writeLockPath(path)].flatMap((file) => [file, lockPath(file)]);
}

/** The lock file that LMDB keeps beside a file. */
function lockPath(path: string): string {
  return `${path}-lock`;
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(`${path} cannot be used (${reason}); name a directory that we may write to`, {
      cause: error,
    });
  }
}
