/**
 * HTTP/2 in Node ends a connection over which the peer has reset more than 1,000 streams, 33 more for every second
 * (nghttp2's `stream_reset_rate_limit`; Node 20 and 22 cannot be told otherwise). That is meant for strangers. Our peer
 * is Envoy, which passes on the resets of all its clients over one connection: any client could so end the connection
 * on which everybody's checks are under way. So a connection is given up in good order long before.
 */

/**
 * Half of what nghttp2 allows: the streams that are open by then may all be reset (`MAX_STREAMS`, 256), and what is in
 * the socket; a test holds the sum below the 1,000.
 */
const RESETS = 500;
const RESETS_PER_SECOND = 33;

/** One a connection. */
export class ResetBudget {
  readonly #resets: number;
  #left: number;
  #sinceMs: number;
  #isSpent = false;

  /** All times are monotonic milliseconds. */
  constructor(nowMs: number, resets = RESETS) {
    this.#resets = resets;
    this.#left = resets;
    this.#sinceMs = nowMs;
  }

  /** Counts one reset. True when the connection is now to be given up; once. */
  spend(nowMs: number): boolean {
    if (this.#isSpent) return false;
    const regained = ((nowMs - this.#sinceMs) / 1000) * RESETS_PER_SECOND;
    this.#left = Math.min(this.#resets, this.#left + regained) - 1;
    this.#sinceMs = nowMs;
    this.#isSpent = this.#left < 0;
    return this.#isSpent;
  }
}
