/**
 * Loading off the loop that serves (docs/security-requirements.md#42): a thread reads, parses and judges the files, and what it
 * found comes over in parts. If it dies, runs out of memory or takes too long, that is a load with a problem.
 */
import { Worker } from 'node:worker_threads';
import type { ConfigurationSource, LoadedFiles } from './load-files.js';

/** What the thread is started with. */
export interface LoadThreadData {
  readonly file: string;
  /** Public keys that were judged before; see `public-key-cache.ts`. */
  readonly judged: Uint8Array;
}

/** Asks for what is in the files. */
export interface LoadQuestion {
  /** Fingerprints of feedback keys that need no self-test; absent at the start, which tests all. */
  readonly tested: readonly string[] | undefined;
  /** Others need the processor more. */
  readonly whileServing: boolean;
}

/** What was in them, and what the next load need not judge again. */
export interface LoadAnswer {
  readonly files: LoadedFiles;
  readonly tested: readonly string[];
  readonly judged: Uint8Array;
}

/** How it is started, and the bounds that a test shortens. */
interface LoadThreadOptions {
  readonly start?: (data: LoadThreadData) => Worker;
  readonly deadlineMilliseconds?: number;
  readonly idleMilliseconds?: number;
}

/** Twenty thousand identities take seconds, and minutes where others need the processor more. */
const DEADLINE_MILLISECONDS = 300_000;
/** Changes come in bursts; between them the memory of a load is given back. */
const IDLE_MILLISECONDS = 10_000;
/** The largest file that the bounds of the format allow takes half of it. */
const MEMORY_MIB = 1_024;
/** A parser makes garbage: with room for it, fewer objects are copied to the old generation first. */
const YOUNG_MEMORY_MIB = 64;

const THREAD_MAIN = new URL('load-thread-main.js', import.meta.url);

function startThread(workerData: LoadThreadData): Worker {
  const resourceLimits = { maxOldGenerationSizeMb: MEMORY_MIB, maxYoungGenerationSizeMb: YOUNG_MEMORY_MIB };
  return new Worker(THREAD_MAIN, { workerData, resourceLimits, name: 'configuration' });
}

function failed(problem: string): LoadedFiles {
  return { problems: [problem], parts: undefined };
}

export class LoadThread implements ConfigurationSource {
  readonly #file: string;
  readonly #options: LoadThreadOptions;
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #tested: readonly string[] | undefined;
  #judged: Uint8Array = new Uint8Array();

  constructor(file: string, options: LoadThreadOptions = {}) {
    this.#file = file;
    this.#options = options;
  }

  async load(): Promise<LoadedFiles> {
    clearTimeout(this.#idle);
    const { start = startThread, idleMilliseconds = IDLE_MILLISECONDS } = this.#options;
    let thread: Worker;
    try {
      thread = this.#thread ??= this.#start(start);
    } catch (error) {
      return failed(this.#failure(error as Error));
    }
    const whileServing = this.#tested !== undefined;
    // Nobody waits for a reload to end before the process may; the start is waited for.
    if (whileServing) thread.unref();
    const answer = await this.#ask(thread, { tested: this.#tested, whileServing });
    if (typeof answer === 'string') {
      void this.close();
      return failed(answer);
    }
    const isGood = answer.files.problems === undefined;
    if (isGood || this.#tested === undefined) this.#tested = answer.tested;
    if (answer.judged.length > 0) this.#judged = answer.judged;
    thread.unref();
    // Closed, or ended by itself, while its answer was on its way here.
    if (this.#thread !== thread) return answer.files;
    this.#idle = setTimeout(() => void this.close(), idleMilliseconds).unref();
    return answer.files;
  }

  /** One that ends by itself between two loads is not asked again, and what it says then ends no process. */
  #start(start: (data: LoadThreadData) => Worker): Worker {
    const thread = start({ file: this.#file, judged: this.#judged });
    thread.on('error', () => undefined);
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }

  /** Ends the thread; the next load has another one. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }

  /** The answer, or why there is none. */
  #ask(thread: Worker, question: LoadQuestion): Promise<LoadAnswer | string> {
    const { deadlineMilliseconds = DEADLINE_MILLISECONDS } = this.#options;
    return new Promise((resolve) => {
      const settle = (answer: LoadAnswer | string): void => {
        clearTimeout(deadline);
        // By name: listeners of its own class hang on the same emitter.
        thread.off('message', settle).off('error', fail).off('exit', end);
        resolve(answer);
      };
      const fail = (error: Error): void => settle(this.#failure(error));
      const end = (): void => settle(`${this.#file}: the thread that loads it ended`);
      const deadline = setTimeout(
        () => settle(`${this.#file}: loading it takes longer than ${deadlineMilliseconds / 1000} s`),
        deadlineMilliseconds,
      ).unref();
      thread.on('message', settle).on('error', fail).on('exit', end);
      thread.postMessage(question);
    });
  }

  #failure(error: Error & { readonly code?: string }): string {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
      return `${this.#file}: loading it takes more than ${MEMORY_MIB} MiB of memory; make it smaller`;
    return `${this.#file}: loading it failed by a defect: ${error.message}`;
  }
}
