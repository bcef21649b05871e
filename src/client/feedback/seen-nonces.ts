/** Which answers were taken already. */

/** What became of a claim. Anything but `new` refuses the answer. */
export type NonceClaim = 'new' | 'seen' | 'full';

/** Remembers nonces. One store belongs to one consumer and one maximal age of answers. */
export interface SeenNonces {
  /**
   * Remembers the nonce of a verified answer at least until `untilMs` (Unix milliseconds), when the answer will be
   * too old to be taken again. Never forgets one before, to make room or otherwise.
   */
  claim(nonce: string, untilMs: number): NonceClaim;
}

/** A clock, in Unix milliseconds. */
export interface FeedbackClock {
  nowMs(): number;
}

/** With the default age, some sixteen answers a second. */
const DEFAULT_MAX_NONCES = 10_000;

/** For one process; what it remembers is gone with it, so that an answer may be taken again after a restart. */
export class MemorySeenNonces implements SeenNonces {
  readonly #clock: FeedbackClock;
  readonly #maxNonces: number;
  readonly #untilMs = new Map<string, number>();
  /** What was to be kept until then may be forgotten by now, so nothing is `new` that ends there or before. */
  #forgottenUntilMs = -Infinity;

  /** `maxNonces` bounds what is remembered (default 10,000): beyond it new answers are refused. */
  constructor(options: { readonly clock: FeedbackClock; readonly maxNonces?: number | undefined }) {
    this.#clock = options.clock;
    this.#maxNonces = options.maxNonces ?? DEFAULT_MAX_NONCES;
    if (!Number.isSafeInteger(this.#maxNonces) || this.#maxNonces < 1)
      throw new RangeError('maxNonces must be a whole number from 1 on');
  }

  claim(nonce: string, untilMs: number): NonceClaim {
    if (this.#untilMs.has(nonce) || untilMs <= this.#forgottenUntilMs) return 'seen';
    if (this.#untilMs.size >= this.#maxNonces) this.#forgetEnded();
    if (this.#untilMs.size >= this.#maxNonces) return 'full';
    this.#untilMs.set(nonce, untilMs);
    return 'new';
  }

  /** The floor outlasts a clock that is set back: what was forgotten does not become new. */
  #forgetEnded(): void {
    const nowMs = this.#clock.nowMs();
    for (const [nonce, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(nonce);
    this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, nowMs);
  }
}
