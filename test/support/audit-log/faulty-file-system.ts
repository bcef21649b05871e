/**
 * The file system of a log whose process is killed after a number of steps, and whose machine may then lose power: what
 * was not synced is gone, or torn.
 */
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nodeFileSystem, type LogFileSystem } from '../../../src/audit/log/file-system.js';

/** The process was killed. */
export class Killed extends Error {}

const CHANGING = ['touch', 'makeDirectory', 'writeSynced', 'rename', 'syncDirectory', 'remove'] as const;

/** Works `steps` times, and then never again. A write that it stops at leaves the beginning of its bytes. */
export class KilledFileSystem {
  readonly steps: number;
  taken = 0;
  readonly fs: LogFileSystem;

  constructor(steps: number, inner: LogFileSystem = nodeFileSystem) {
    this.steps = steps;
    this.fs = { ...inner };
    for (const name of CHANGING) {
      const action = Reflect.get(inner, name) as (...values: unknown[]) => void;
      Object.assign(this.fs, {
        [name]: (...values: unknown[]) => this.#step(name, values, () => action(...values)),
      });
    }
  }

  #step(name: string, values: readonly unknown[], action: () => void): void {
    if (this.taken < this.steps) action();
    else if (this.taken === this.steps && name === 'writeSynced') {
      const [path, bytes] = values as [string, Uint8Array];
      writeFileSync(path, bytes.subarray(0, bytes.length / 2));
    }
    this.taken += 1;
    if (this.taken > this.steps) throw new Killed();
  }
}

/** A name that was made, replaced or removed, and is on the disk only when its directory is synced. */
interface Unsynced {
  readonly directory: string;
  readonly undo: () => void;
}

/** Remembers how names were before their directory was synced, and puts them back when the power is lost. */
export class PowerLoss {
  readonly fs: LogFileSystem;
  #unsynced: Unsynced[] = [];

  constructor(inner: LogFileSystem = nodeFileSystem) {
    this.fs = {
      ...inner,
      touch: (path) => this.#naming(path, () => inner.touch(path)),
      makeDirectory: (path) => {
        if (inner.list(dirname(path)).includes(basename(path))) return;
        inner.makeDirectory(path);
        this.#unsynced.push({
          directory: dirname(path),
          undo: () => rmSync(path, { recursive: true, force: true }),
        });
      },
      writeSynced: (path, bytes) => this.#naming(path, () => inner.writeSynced(path, bytes)),
      rename: (from, to) => this.#naming(to, () => inner.rename(from, to)),
      syncDirectory: (path) => {
        inner.syncDirectory(path);
        this.#unsynced = this.#unsynced.filter(({ directory }) => directory !== path);
      },
    };
  }

  /** All that was not synced is undone, newest first. */
  lose(): void {
    for (const { undo } of this.#unsynced.reverse()) undo();
    this.#unsynced = [];
  }

  #naming(path: string, action: () => void): void {
    const before = nodeFileSystem.read(path);
    action();
    const undo = (): void => {
      rmSync(path, { recursive: true, force: true });
      if (before === undefined) return;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, before);
    };
    this.#unsynced.push({ directory: dirname(path), undo });
  }
}

/** Cuts a file of a directory to so many bytes. */
export function cut(directory: string, name: string, bytes: number): void {
  truncateSync(join(directory, name), bytes);
}

export function bytesOf(directory: string, name: string): Buffer {
  return readFileSync(join(directory, name));
}
