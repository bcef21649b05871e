/**
 * Looking a request up beside a verifier that serves: in a thread of low priority, one search at a time, bounded in
 * time, bytes and memory. What it may cost is the processor's idle time and some reading of files.
 */
import { Worker } from 'node:worker_threads';
import type { LogFiles } from './look.js';

/** What a search gives: the sentences of `countersign why`, and what they are made of. */
export type SearchOutcome =
  | { readonly outcome: 'found'; readonly text: string; readonly details: object; readonly note?: string }
  /** Nothing under this id; `note` says where was looked, and where not. */
  | { readonly outcome: 'nothing'; readonly note: string }
  /** Another search is under way. */
  | { readonly outcome: 'busy' }
  | { readonly outcome: 'failed'; readonly reason: string; readonly remedy: string };

/** What the thread is started with. */
export interface SearchData {
  readonly id: string;
  readonly files: LogFiles;
}

/** How it is started, and the bound that a test shortens. */
interface SearchOptions {
  readonly start?: (data: SearchData) => Worker;
  readonly deadlineMilliseconds?: number;
}

/** Ids of ours and of Envoy are UUIDs; whatever a proxy before us makes of one is visible ASCII. */
export const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** What to do about a connection that never came to a request: it has no id. */
export function withoutId(log: string): string {
  return `a handshake that failed has no id: countersign audit query ${log} --event tls.failed --since 1h`;
}

/** Somebody waits before a page. The command takes the time that it needs. */
const DEADLINE_MILLISECONDS = 20_000;
/** Of the thread: it reads streams. */
const MEMORY_MIB = 128;
const THREAD_MAIN = new URL('search-main.js', import.meta.url);

function startThread(workerData: SearchData): Worker {
  return new Worker(THREAD_MAIN, {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
    name: 'search',
  });
}

export class WhySearch {
  readonly #files: LogFiles;
  readonly #start: (data: SearchData) => Worker;
  readonly #deadlineMilliseconds: number;
  #isSearching = false;

  /** `files`: all that there may be; those that are not there yet are passed over. */
  constructor(files: LogFiles, options: SearchOptions = {}) {
    this.#files = files;
    this.#start = options.start ?? startThread;
    this.#deadlineMilliseconds = options.deadlineMilliseconds ?? DEADLINE_MILLISECONDS;
  }

  /** Never rejects. */
  async search(id: string): Promise<SearchOutcome> {
    if (this.#isSearching) return { outcome: 'busy' };
    this.#isSearching = true;
    try {
      return await this.#run(id);
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error));
    } finally {
      this.#isSearching = false;
    }
  }

  /** Resolves once the thread is gone, so that there never are two. */
  #run(id: string): Promise<SearchOutcome> {
    return new Promise((resolve) => {
      const thread = this.#start({ id, files: this.#files });
      thread.unref();
      let outcome = failed('the thread that searches ended');
      const end = (with_: SearchOutcome): void => {
        outcome = with_;
        void thread.terminate();
      };
      const deadline = setTimeout(
        () => end(failed(`it takes longer than ${this.#deadlineMilliseconds / 1000} s`)),
        this.#deadlineMilliseconds,
      ).unref();
      thread.once('message', end);
      thread.once('error', (error) => end(failed(error instanceof Error ? error.message : String(error))));
      thread.once('exit', () => {
        clearTimeout(deadline);
        resolve(outcome);
      });
    });
  }
}

function failed(reason: string): SearchOutcome {
  return {
    outcome: 'failed',
    reason,
    remedy:
      'run `countersign why` with this id on the machine that has the records: it takes the time that it needs',
  };
}
