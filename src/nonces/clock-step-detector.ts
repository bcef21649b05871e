/**
 * Watches the wall clock against the monotonic one (docs/security-requirements.md#18).
 *
 * A step is refused, not followed: while the detector doubts, a store claims nothing and forgets nothing, so a
 * clock that jumps and comes back finds everything as it was. A clock that stays where it jumped to and runs
 * evenly for `settleMs` is believed again, but not what was known before: a machine that was put back to a
 * snapshot looks like this too. So the owner then raises its floor over both clocks (docs/security-requirements.md#17). What time makes
 * it forget later is a floor as well (`NonceIndex`), whichever way the clock moves, seen or unseen.
 */
import type { Clock } from './nonce-store.js';

interface ClockStepDetectorOptions {
  readonly clock: Clock;
  readonly stepMs?: number | undefined;
  readonly settleMs?: number | undefined;
  /** Called when a stepped clock is believed again, with the later of what both clocks say, Unix ms. */
  readonly onSettled: (latestMs: number) => void;
}

/** Telemetry clocks are whole seconds; half the disagreement that could move one by two. */
const DEFAULT_STEP_MS = 1_000;
/** Longer than a step by a time daemon takes to be corrected by it again, shorter than an alert. */
const DEFAULT_SETTLE_MS = 5_000;
/** The fastest that a kernel slews a clock, 500 parts in a million: no step, however long nobody looked. */
const SLEW = 500e-6;

/** Wall minus monotonic time, and the monotonic time at which that was read. */
interface Reading {
  readonly offsetMs: number;
  readonly atMs: number;
}

/** Trusts the clock as it is when it is made, and from then on only if it runs evenly. */
export class ClockStepDetector {
  readonly #options: ClockStepDetectorOptions;
  readonly #stepMs: number;
  readonly #settleMs: number;
  #trusted: Reading;
  #suspect: { readonly sinceMs: number; last: Reading } | undefined;
  #steps = 0;

  constructor(options: ClockStepDetectorOptions) {
    this.#options = options;
    this.#stepMs = options.stepMs ?? DEFAULT_STEP_MS;
    this.#settleMs = options.settleMs ?? DEFAULT_SETTLE_MS;
    this.#trusted = this.#read();
  }

  /** The wall clock in Unix milliseconds, or undefined while it cannot be trusted. */
  observe(): number | undefined {
    const now = this.#read();
    if (this.#agree(now, this.#trusted)) return this.#trust(now);
    if (this.#suspect === undefined || !this.#agree(now, this.#suspect.last)) {
      this.#steps += 1;
      this.#suspect = { sinceMs: now.atMs, last: now };
      return undefined;
    }
    this.#suspect.last = now;
    if (now.atMs - this.#suspect.sinceMs < this.#settleMs) return undefined;
    this.#options.onSettled(Math.max(now.offsetMs, this.#trusted.offsetMs) + now.atMs);
    return this.#trust(now);
  }

  /** Why `observe` gave undefined when last asked; undefined when it did not. */
  doubt(): string | undefined {
    if (this.#suspect === undefined) return undefined;
    const byMs = Math.round(this.#suspect.last.offsetMs - this.#trusted.offsetMs);
    return `the wall clock stepped by ${byMs} ms; waiting until it has run evenly for ${this.#settleMs} ms`;
  }

  /** Steps seen so far. */
  steps(): number {
    return this.#steps;
  }

  #read(): Reading {
    const atMs = this.#options.clock.monotonicMs();
    return { offsetMs: this.#options.clock.nowMs() - atMs, atMs };
  }

  #agree(now: Reading, before: Reading): boolean {
    const allowedMs = this.#stepMs + (now.atMs - before.atMs) * SLEW;
    return Math.abs(now.offsetMs - before.offsetMs) <= allowedMs;
  }

  #trust(reading: Reading): number {
    this.#trusted = reading;
    this.#suspect = undefined;
    return reading.offsetMs + reading.atMs;
  }
}
