/**
 * The window: |floor(now) − timestamp| ≤ skew, both ends included. It is judged here, so that stale requests cost no
 * signature, and again by the store that claims: every store asks the same function (`nonces/nonce-store.ts`) by the clock
 * that it was given, which is the verifier's. Redis judges no window: its claim script refuses where that clock and its own
 * lie too far apart, and what arrives when nobody waits for it any longer.
 */
import { refuse, type ExceededLimit, type Refusal } from '../refusal.js';
import type { Freshness, Snapshot } from '../snapshot.js';

/** The timestamp minus our clock, in whole seconds: negative is the past. */
export function skewOf(timestampSeconds: number, nowMs: number): number {
  return timestampSeconds - Math.floor(nowMs / 1000);
}

/** The one judgement of the window. Numbers and no `Freshness`, as a claim must not cost an object. */
export function isInsideWindow(
  skewSeconds: number,
  pastSkewSeconds: number,
  futureSkewSeconds: number,
): boolean {
  return -skewSeconds <= pastSkewSeconds && skewSeconds <= futureSkewSeconds;
}

/** Refuses what is too old or too far ahead of our clock. */
export function checkFreshness(
  skewSeconds: number,
  { pastSkewSeconds, futureSkewSeconds }: Freshness,
): Refusal | undefined {
  if (isInsideWindow(skewSeconds, pastSkewSeconds, futureSkewSeconds)) return undefined;
  return skewSeconds < 0
    ? outsideWindow(`over ${pastSkewSeconds} s in the past`, pastLimit(pastSkewSeconds))
    : outsideWindow(`over ${futureSkewSeconds} s in the future`, futureLimit(futureSkewSeconds));
}

/** Of a request that was inside when it was judged, and no longer when it was claimed. `skewSeconds` as it was judged. */
export function windowClosed(
  skewSeconds: number,
  { pastSkewSeconds, futureSkewSeconds }: Freshness,
): Refusal {
  const limit = skewSeconds > 0 ? futureLimit(futureSkewSeconds) : pastLimit(pastSkewSeconds);
  return outsideWindow('the window closed before the claim', limit);
}

function outsideWindow(detail: string, limit: ExceededLimit): Refusal {
  return { ...refuse('timestamp_outside_window', detail), limit };
}

function pastLimit(value: number): ExceededLimit {
  return { name: 'freshness.pastSkewSeconds', value };
}

function futureLimit(value: number): ExceededLimit {
  return { name: 'freshness.futureSkewSeconds', value };
}

/**
 * The furthest back and ahead that any policy lets a timestamp be: a store keeps every nonce for the widest
 * window, and its start-up rule covers the furthest future.
 */
export function widestWindow({ policies }: Pick<Snapshot, 'policies'>): Freshness {
  const windows = [...policies.values()].flatMap((policy) =>
    policy.kind === 'signed' ? [policy.freshness] : [],
  );
  return {
    pastSkewSeconds: Math.max(0, ...windows.map((window) => window.pastSkewSeconds)),
    futureSkewSeconds: Math.max(0, ...windows.map((window) => window.futureSkewSeconds)),
  };
}
