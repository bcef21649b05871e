/** Which code ran for the first time, by V8's own counters: what a batch of inputs is worth keeping for. */
import { Session } from 'node:inspector';

const OURS = /\/src\/[^?]+\.(?:ts|js)/;

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  /** Counts from now on, in blocks. */
  start(): void {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  /** Blocks of our own code that ran since the last call and never before. */
  take(): number {
    let fresh = 0;
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw new Error(error.message);
      for (const script of taken.result as readonly ScriptCoverage[])
        if (OURS.test(script.url)) fresh += this.#note(script);
    });
    return fresh;
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** Blocks seen in all. */
  get blocks(): number {
    return this.#seen.size;
  }

  #note({ url, functions }: ScriptCoverage): number {
    const before = this.#seen.size;
    for (const { ranges } of functions)
      for (const { startOffset, endOffset, count } of ranges)
        if (count > 0) this.#seen.add(`${url}:${startOffset}:${endOffset}`);
    return this.#seen.size - before;
  }
}
