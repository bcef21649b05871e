/**
 * Keeps the loop that serves free where thousands of domains delegate: their keys are made one a turn, and put over the
 * configuration together. Without it all of them are renewed in one turn, as all of them were begun in one.
 */

/** Each call of what it returns resolves in a turn of the event loop of its own, first come, first served. */
export function ownTurns(): () => Promise<void> {
  let last = Promise.resolve();
  return () => (last = last.then(() => new Promise<void>((resolve) => setImmediate(resolve))));
}

/** Of the time, at most one part in so many is spent on it. */
const PARTS = 20;

/** Work that takes as long as there are domains: done soon after it was asked for, once for all that asked by then. */
export class Paced {
  readonly #work: () => void;
  readonly #monotonicMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #restMs = 0;

  constructor(work: () => void, monotonicMs: () => number) {
    this.#work = work;
    this.#monotonicMs = monotonicMs;
  }

  ask(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const startedMs = this.#monotonicMs();
      this.#work();
      this.#restMs = PARTS * (this.#monotonicMs() - startedMs);
    }, this.#restMs).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
