/** Whether the signed time lies in the window: |floor(now) − timestamp| ≤ skew, both ends included. */
import { refuse, type Refusal } from '../refusal.js';
import type { Freshness } from '../snapshot.js';

/** The timestamp minus our clock, in whole seconds: negative is the past. */
export function skewOf(timestampSeconds: number, nowMs: number): number {
  return timestampSeconds - Math.floor(nowMs / 1000);
}

/** Judged here so that stale requests cost no signature; the nonce store judges it again as it claims. */
export function checkFreshness(skewSeconds: number, window: Freshness): Refusal | undefined {
  if (-skewSeconds > window.pastSkewSeconds)
    return refuse('timestamp_outside_window', `over ${window.pastSkewSeconds} s in the past`);
  if (skewSeconds > window.futureSkewSeconds)
    return refuse('timestamp_outside_window', `over ${window.futureSkewSeconds} s in the future`);
  return undefined;
}
