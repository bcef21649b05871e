/**
 * Watches the wall clock against the monotonic one (docs/security-requirements.md#18).
 *
 * A step is refused, not followed: while the guard doubts, a store claims nothing and forgets nothing, so a
 * clock that jumps and comes back finds everything as it was. A clock that stays where it jumped to and runs
 * evenly for `settleMs` is believed again, but not what was known before: a machine that was put back to a
 * snapshot looks like this too. So the owner then raises its floor over both clocks (docs/security-requirements.md#17). What time makes
 * it forget later is a floor as well (`NonceLedger`), whichever way the clock moves, seen or unseen.
 */
import type { Clock } from './nonce-store.js';

export interface ClockGuard {
  /** The wall clock in Unix milliseconds, or undefined while it cannot be trusted. */
  observe(): number | undefined;
  /** Why `observe` gave undefined when last asked; undefined when it did not. */
  doubt(): string | undefined;
  /** Steps seen so far. */
  steps(): number;
}

export interface ClockGuardOptions {
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

/** Wall minus monotonic time, and the monotonic time at which that was seen. */
interface Sight {
  readonly offsetMs: number;
  readonly atMs: number;
}

/** Trusts the clock as it is at this moment, and from then on only if it runs evenly. */
export function createClockGuard(options: ClockGuardOptions): ClockGuard {
  const { clock, stepMs = DEFAULT_STEP_MS, settleMs = DEFAULT_SETTLE_MS, onSettled } = options;
  let trusted = look();
  let suspect: { readonly sinceMs: number; last: Sight } | undefined;
  let steps = 0;

  function look(): Sight {
    const atMs = clock.monotonicMs();
    return { offsetMs: clock.nowMs() - atMs, atMs };
  }
  function agrees(now: Sight, before: Sight): boolean {
    const allowedMs = stepMs + (now.atMs - before.atMs) * SLEW;
    return Math.abs(now.offsetMs - before.offsetMs) <= allowedMs;
  }
  function trust(sight: Sight): number {
    trusted = sight;
    suspect = undefined;
    return sight.offsetMs + sight.atMs;
  }

  return {
    observe() {
      const sight = look();
      if (agrees(sight, trusted)) return trust(sight);
      if (suspect === undefined || !agrees(sight, suspect.last)) {
        steps += 1;
        suspect = { sinceMs: sight.atMs, last: sight };
        return undefined;
      }
      suspect.last = sight;
      if (sight.atMs - suspect.sinceMs < settleMs) return undefined;
      onSettled(Math.max(sight.offsetMs, trusted.offsetMs) + sight.atMs);
      return trust(sight);
    },
    doubt() {
      if (suspect === undefined) return undefined;
      const byMs = Math.round(suspect.last.offsetMs - trusted.offsetMs);
      return `the wall clock stepped by ${byMs} ms; waiting until it has run evenly for ${settleMs} ms`;
    },
    steps: () => steps,
  };
}
