/**
 * Files of which somebody waits until what was written is on the disk. A descriptor is closed only when no sync of it is
 * under way, as its number could be that of another file by then. What could not be synced once is not believed again:
 * the system tells of a failure once, and of the pages that it was about it has let go.
 */
import { closeSync, fdatasync } from 'node:fs';
import { promisify } from 'node:util';

const datasync = promisify(fdatasync);

export class SyncedFile {
  readonly descriptor: number;
  #isSyncing = false;
  #isUnsynced = false;
  #hasFailed = false;
  #isLeft = false;
  #isClosed = false;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** Something was written that is to be synced. */
  wrote(): void {
    this.#isUnsynced = true;
  }

  /** Nothing more is written. Closes it, at the latest when what was written is synced. */
  leave(): void {
    this.#isLeft = true;
    this.#closeIfDone();
  }

  /** Rejects with the system's error when something that was written before may not be on the disk. */
  async sync(): Promise<void> {
    this.#isUnsynced = false;
    this.#isSyncing = true;
    try {
      if (this.#hasFailed) throw new Error('the disk may have lost what was written before');
      await datasync(this.descriptor);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      this.#isSyncing = false;
      this.#closeIfDone();
    }
  }

  #closeIfDone(): void {
    if (!this.#isLeft || this.#isSyncing || this.#isUnsynced || this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.descriptor);
  }
}

/** Those that were written to since the last sync. */
export class SyncedFiles<File extends { readonly synced: SyncedFile }> {
  readonly #onFailed: (file: File) => void;
  #files = new Set<File>();

  /** `onFailed` is told which file is not to be written to any more. */
  constructor(onFailed: (file: File) => void) {
    this.#onFailed = onFailed;
  }

  wrote(file: File): void {
    file.synced.wrote();
    this.#files.add(file);
  }

  /** Syncs all of them, each with `also` behind it. Rejects with the first failure, once all were tried. */
  async sync(also: (file: File) => Promise<void> = () => Promise.resolve()): Promise<void> {
    const files = this.#files;
    this.#files = new Set();
    const failures: unknown[] = [];
    for (const file of files)
      try {
        await file.synced.sync();
        await also(file);
      } catch (error) {
        failures.push(error);
        this.#onFailed(file);
      }
    if (failures.length > 0) throw failures[0];
  }
}
