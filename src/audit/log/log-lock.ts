/**
 * The lock of a log: one sequencer seals at a time, also while one process takes over from another. A lock file that was
 * moved away or replaced together with the log's directory locks nothing there, so it is looked for anew each time.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { refuseForeignFile } from '../../storage/lmdb/database-files.js';
import { openWriteLock, type WriteLock } from '../../storage/lmdb/write-lock.js';
import { StorageError } from '../../storage/storage-error.js';

const PRIVATE_FILE = 0o600;

/** Opens or makes the lock. Throws the system's error, or that the file is none. */
export function openLogLock(path: string): WriteLock {
  return new LogLock(path);
}

/** What holds the lock: an LMDB file, and the file beside it where LMDB keeps the mutex. */
interface OpenLock {
  readonly lock: WriteLock;
  readonly files: string;
}

class LogLock implements WriteLock {
  readonly #path: string;
  /** Undefined once it was replaced. */
  #open: OpenLock | undefined;
  #isClosing = false;

  constructor(path: string) {
    this.#path = path;
    this.#open = open(path);
  }

  /** Throws once, and until the old one is closed, when the files were replaced: LMDB would give the old one again. */
  hold<T>(action: () => T): T {
    if (this.#isClosing) throw this.#replaced();
    this.#open ??= open(this.#path);
    const { lock, files } = this.#open;
    if (identityOf(this.#path) === files) return lock.hold(() => this.#act(files, action));
    this.#isClosing = true;
    this.#open = undefined;
    void lock.close().finally(() => (this.#isClosing = false));
    throw this.#replaced();
  }

  async close(): Promise<void> {
    await this.#open?.lock.close();
  }

  /** They may have been replaced while the lock was waited for. */
  #act<T>(files: string, action: () => T): T {
    if (identityOf(this.#path) !== files) throw this.#replaced();
    return action();
  }

  #replaced(): StorageError {
    return new StorageError(
      `${this.#path} was moved or replaced: it is taken anew, once the log's directory is in its place`,
    );
  }
}

function open(path: string): OpenLock {
  closeSync(openSync(path, 'a', PRIVATE_FILE));
  refuseForeignFile(path);
  const lock = openWriteLock(path);
  return { lock, files: identityOf(path) };
}

function identityOf(path: string): string {
  return [path, `${path}-lock`]
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stats) => (stats === undefined ? '' : `${stats.dev}:${stats.ino}`))
    .join(' ');
}
