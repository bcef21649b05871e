/**
 * The files of a configuration for several workers: loaded once for all that ask at about the same time. The last
 * configuration that came in force anywhere is kept, so that a worker that dies is replaced by one like the others,
 * whatever is in the files by then (docs/security-requirements.md#42).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { wipeHandOver, type HandOver } from '../../config/hand-over.js';
import type { ConfigurationFiles, JudgedFiles } from '../reload/judged-files.js';

/** Of the workers, which notice a signal or a changed file one after the other, all are answered by one load. */
const GATHER_MILLISECONDS = 100;

export class SharedFiles {
  readonly #files: ConfigurationFiles;
  #lastGood: JudgedFiles;
  #latest: JudgedFiles | undefined;
  #running: Promise<JudgedFiles> | undefined;
  #next: Promise<JudgedFiles> | undefined;
  #generation = 1;

  /** `parts`: what the workers are started with. */
  constructor(files: ConfigurationFiles, parts: HandOver) {
    this.#files = files;
    this.#lastGood = { problems: undefined, parts, generation: this.#generation };
  }

  /** What a worker starts with. */
  get lastGood(): JudgedFiles {
    return this.#lastGood;
  }

  /** What is in the files from now on. Whoever asks during a load is answered by the next one. */
  load(): Promise<JudgedFiles> {
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  /** What `load` gave is in force in a worker. */
  keep(files: JudgedFiles): void {
    if (files !== this.#latest || files.parts === undefined || files.parts === this.#lastGood.parts) return;
    const former = this.#lastGood;
    this.#generation += 1;
    this.#lastGood = { ...files, generation: this.#generation };
    wipeHandOver(former.parts ?? []);
  }

  async #after(running: Promise<JudgedFiles> | undefined): Promise<JudgedFiles> {
    await running;
    await sleep(GATHER_MILLISECONDS);
    this.#running = Promise.resolve().then(() => this.#load());
    this.#next = undefined;
    return this.#running;
  }

  async #load(): Promise<JudgedFiles> {
    const found = await this.#files.load();
    const former = this.#latest;
    if (former?.parts !== undefined && former.parts !== this.#lastGood.parts) wipeHandOver(former.parts);
    this.#latest = found;
    return found;
  }
}
