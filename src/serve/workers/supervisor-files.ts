/** The files of a configuration for a worker: its supervisor loads them, and what it found comes over the channel. */
import type { HandOverPart } from '../../config/hand-over.js';
import type { ConfigurationFiles, JudgedFiles } from '../reload/judged-files.js';
import type { FromWorker, LoadedPart, LoadedWhole, ToWorker } from './worker-messages.js';

export class SupervisorFiles implements ConfigurationFiles {
  readonly #waiting = new Map<number, (files: JudgedFiles) => void>();
  readonly #first: Promise<JudgedFiles>;
  #parts: HandOverPart[] = [];
  #load = -1;

  /** Listens from now on: the supervisor gives the last good configuration without being asked. */
  constructor() {
    this.#first = this.#wait(0);
    process.on('message', (message: ToWorker) => {
      if (message.kind === 'part') this.#takePart(message);
      else if (message.kind === 'loaded') this.#takeWhole(message);
    });
    process.once('disconnect', () => this.#giveUp());
  }

  /** The first time, what the worker is to start with; then what is in the files. */
  load(): Promise<JudgedFiles> {
    this.#load += 1;
    if (this.#load === 0) return this.#first;
    const answer = this.#wait(this.#load);
    if (process.connected) send({ kind: 'load', load: this.#load });
    else this.#giveUp();
    return answer;
  }

  applied(): void {
    send({ kind: 'applied', load: this.#load });
  }

  #wait(load: number): Promise<JudgedFiles> {
    return new Promise((resolve) => this.#waiting.set(load, resolve));
  }

  /** Parts of two loads do not mix: the supervisor sends all of one before the next. */
  #takePart({ bytes, isSecret }: LoadedPart): void {
    this.#parts.push({ bytes, isSecret });
  }

  #takeWhole({ load, problems, generation }: LoadedWhole): void {
    const parts = this.#parts;
    this.#parts = [];
    this.#waiting.get(load)?.({ problems, parts: parts.length === 0 ? undefined : parts, generation });
    this.#waiting.delete(load);
  }

  #giveUp(): void {
    const problems = ['the supervisor, which loads the configuration, is gone'];
    for (const resolve of this.#waiting.values()) resolve({ problems, parts: undefined });
    this.#waiting.clear();
  }
}

/** Without a supervisor there is nobody to tell, and the worker is about to stop. */
function send(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
