/** The window that a nonce store has to cover. */
import type { Snapshot } from './snapshot.js';

/** Seconds, as in a policy's freshness. */
export interface Window {
  readonly pastSkewSeconds: number;
  readonly futureSkewSeconds: number;
}

/**
 * The furthest back and ahead that any policy lets a timestamp be: a store keeps every nonce for the widest
 * window, and its start-up rule covers the furthest future.
 */
export function widestWindow({ policies }: Pick<Snapshot, 'policies'>): Window {
  const windows = [...policies.values()].flatMap((policy) =>
    policy.kind === 'signed' ? [policy.freshness] : [],
  );
  return {
    pastSkewSeconds: Math.max(0, ...windows.map((window) => window.pastSkewSeconds)),
    futureSkewSeconds: Math.max(0, ...windows.map((window) => window.futureSkewSeconds)),
  };
}
