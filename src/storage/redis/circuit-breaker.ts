/** Stops asking a store that does not answer: the callers of a dead Redis are told at once, not after a deadline. */

/** `half_open`: one probe is under way, and nothing else is let through. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/** Faults in a row that open it. */
const FAULTS_TO_OPEN = 5;

export class CircuitBreaker {
  #faults = 0;
  #state: BreakerState = 'closed';

  state(): BreakerState {
    return this.#state;
  }

  /** Whether ordinary work may go to the store. */
  isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** A probe begins; it is the only one that may close an open breaker. */
  probe(): void {
    if (this.#state === 'open') this.#state = 'half_open';
  }

  /** The store has answered in time, whatever it said. Ordinary answers do not close what is open. */
  succeeded(): void {
    if (this.#state === 'closed') this.#faults = 0;
  }

  /** The probe has passed. */
  recovered(): void {
    this.#state = 'closed';
    this.#faults = 0;
  }

  /** The store did not answer in time, or not at all. */
  failed(): void {
    this.#faults += 1;
    if (this.#state === 'half_open' || this.#faults >= FAULTS_TO_OPEN) this.#state = 'open';
  }
}
