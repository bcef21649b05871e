/** Whether the signed time lies in the window: |floor(now) − timestamp| ≤ skew, both ends included. */
import { refuse, type Refusal } from '../refusal.js';
import type { Freshness } from '../snapshot.js';

/** Judged here so that stale requests cost no signature; the nonce store judges it again as it claims. */
export function checkFreshness(
  timestampSeconds: number,
  window: Freshness,
  nowMs: number,
): Refusal | undefined {
  const ageSeconds = Math.floor(nowMs / 1000) - timestampSeconds;
  const inside = ageSeconds <= window.pastSkewSeconds && -ageSeconds <= window.futureSkewSeconds;
  return inside ? undefined : refuse('timestamp_outside_window');
}
