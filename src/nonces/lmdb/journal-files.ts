/**
 * The files of a journal: where they lie, who may touch them, and whether they are still the ones we opened.
 *
 * A journal's name says what it survives. `nonces-boot-<id>.mdb` is written without waiting for the disk: it is
 * whole as long as this kernel runs, and after a machine restart nobody opens it again, since its pages may have
 * reached the disk in any order. `nonces-synced.mdb` waits for the disk and outlives the machine.
 * See docs/adr/0001-nonce-durability.md.
 */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { NonceStoreError } from '../store-options.js';

const JOURNAL_NAME = /^nonces-.*\.mdb$/;
const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;
const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;

/** Names the journal of a directory. `bootId`: the running kernel's, or undefined for the synced journal. */
export function journalPath(directory: string, bootId: string | undefined): string {
  return join(directory, bootId === undefined ? 'nonces-synced.mdb' : `nonces-boot-${bootId}.mdb`);
}

/** Makes the directory (0700) where it is missing. Throws `NonceStoreError` naming path and remedy. */
export function prepareDirectory(directory: string): void {
  const stats = attempt(directory, () => {
    mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
    return statSync(directory);
  });
  const ourUid = process.getuid?.() ?? stats.uid;
  if (stats.uid !== ourUid) {
    throw new NonceStoreError(
      `nonce store: ${directory} belongs to uid ${stats.uid}; give it to uid ${ourUid}, or name a directory of our own`,
    );
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new NonceStoreError(
    `nonce store: others may write to ${directory}; run chmod 700 on it, or name a directory of our own`,
  );
}

/** The file of a database's gate (`write-gate.ts`). */
export function gatePath(path: string): string {
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
  for (const file of [path, gatePath(path)]) refuseForeignFile(file);
}

function refuseForeignFile(path: string): void {
  const file = openSync(path, 'r');
  const start = Buffer.alloc(MAGIC_OFFSET + 4);
  const bytes = readSync(file, start, 0, start.length, 0);
  closeSync(file);
  if (bytes === 0 || (bytes === start.length && start.readUInt32LE(MAGIC_OFFSET) === MAGIC)) return;
  throw new Error('this is no LMDB database');
}

/** Journals in the directory other than `path`: of an earlier boot, or of another durability. */
export function formerJournals(directory: string, path: string): string[] {
  const names = readdirSync(directory).filter((name) => JOURNAL_NAME.test(name));
  return names.map((name) => join(directory, name)).filter((former) => former !== path);
}

/** When any of them was last written, Unix milliseconds; 0 when there is none. */
export function lastWrittenMs(paths: readonly string[]): number {
  return Math.max(0, ...paths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

export function removeJournal(path: string): void {
  for (const file of filesOf(path)) rmSync(file, { force: true });
}

/** Says whether a journal's files, and the locks of both its databases, are still those that it was asked about first. */
export function watchFiles(path: string): () => boolean {
  const files = [path, lockPath(path), lockPath(gatePath(path))].map((file) => ({
    file,
    was: statSync(file),
  }));
  return () => files.every(({ file, was }) => isSame(was, statSync(file, { throwIfNoEntry: false })));
}

function isSame(was: Stats, is: Stats | undefined): boolean {
  return is?.ino === was.ino && is.dev === was.dev;
}

function filesOf(path: string): string[] {
  return [path, gatePath(path)].flatMap((file) => [file, lockPath(file)]);
}

function lockPath(path: string): string {
  return `${path}-lock`;
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NonceStoreError(
      `nonce store: ${path} cannot be used (${reason}); name a directory that we may write to`,
      { cause: error },
    );
  }
}
