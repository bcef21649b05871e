/**
 * One configuration for several workers: loaded once for all that ask at about the same time. The last one that came
 * in force anywhere is kept, so that a worker that dies is replaced by one like the others, whatever is in the files
 * by then (docs/security-requirements.md#42).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { wipePacked, type PackedConfiguration } from '../../config/packed-configuration.js';
import type { ConfigurationSource, LoadedFiles } from '../reload/load-files.js';

/** Of the workers, which notice a signal or a changed file one after the other, all are answered by one load. */
const GATHER_MILLISECONDS = 100;

/** A load, and the workers that were given it and may still put it in force. */
interface HandedOut {
  readonly files: LoadedFiles;
  readonly workers: Set<number>;
}

export class SharedConfiguration {
  readonly #source: ConfigurationSource;
  #lastGood: LoadedFiles;
  /** Good ones that are in force nowhere yet, in the order in which they were loaded. */
  #pending: HandedOut[] = [];
  #running: Promise<HandedOut> | undefined;
  #next: Promise<HandedOut> | undefined;
  #generation = 1;

  /** `parts`: what the workers are started with. */
  constructor(source: ConfigurationSource, parts: PackedConfiguration) {
    this.#source = source;
    this.#lastGood = { problems: undefined, parts, generation: this.#generation };
  }

  /** What a worker starts with. */
  get lastGood(): LoadedFiles {
    return this.#lastGood;
  }

  /**
   * What is in the files from now on, for this worker, which has done with what it was given before. Whoever asks
   * during a load is answered by the next one.
   */
  async load(worker: number): Promise<LoadedFiles> {
    this.release(worker);
    this.#next ??= this.#after(this.#running);
    const { files, workers } = await this.#next;
    workers.add(worker);
    return files;
  }

  /** What `load` gave is in force in a worker. What was loaded before it is no longer kept when another applies it late. */
  keep(files: LoadedFiles): void {
    const at = this.#pending.findIndex((one) => one.files === files);
    if (at === -1) return;
    const superseded = [this.#lastGood, ...this.#pending.splice(0, at + 1).map((one) => one.files)];
    this.#generation += 1;
    this.#lastGood = { ...files, generation: this.#generation };
    this.#source.applied?.();
    superseded.filter(({ parts }) => parts !== files.parts).forEach(wipe);
  }

  /** The worker puts nothing in force any more of what it was given: it is gone, or asks for more. */
  release(worker: number): void {
    const isUnused = ({ workers }: HandedOut): boolean => workers.delete(worker) && workers.size === 0;
    const unused = this.#pending.filter(isUnused);
    this.#pending = this.#pending.filter((one) => !unused.includes(one));
    for (const { files } of unused) wipe(files);
  }

  async #after(running: Promise<HandedOut> | undefined): Promise<HandedOut> {
    await running;
    await sleep(GATHER_MILLISECONDS);
    this.#running = Promise.resolve().then(() => this.#load());
    this.#next = undefined;
    return this.#running;
  }

  async #load(): Promise<HandedOut> {
    const loaded = { files: await this.#source.load(), workers: new Set<number>() };
    if (loaded.files.problems === undefined) this.#pending.push(loaded);
    return loaded;
  }
}

function wipe({ parts = [] }: LoadedFiles): void {
  wipePacked(parts);
}
