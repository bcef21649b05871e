/**
 * How many calls are begun in one turn of the event loop. Node writes answers out between turns, so a burst that is
 * worked off in a single turn is answered all at once, at its end: the first of its callers waits for the last,
 * Envoy has nothing to do meanwhile, and resets that would spare us a call stay unread.
 */

/**
 * Enough for the nonce store and the audit log to commit together what came together, few enough for the answers
 * to flow: of 1, 2, 4, 8, 16 and 32 this gave the most checks a second (docs/performance.md).
 */
const CALLS_PER_TURN = 4;

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #left = CALLS_PER_TURN;
  #isScheduled = false;

  /** Calls that have arrived and wait for a turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs the call now or in a later turn; in the order of arrival. */
  run(call: () => void): void {
    this.#schedule();
    if (this.#left === 0) {
      this.#waiting.push(call);
      return;
    }
    this.#left--;
    call();
  }

  /** By way of the tick queue, so that what the calls of this turn have scheduled comes before the next turn. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => setImmediate(() => this.#next()));
  }

  #next(): void {
    this.#isScheduled = false;
    this.#left = CALLS_PER_TURN;
    for (const call of this.#waiting.splice(0, CALLS_PER_TURN)) this.run(call);
  }
}
