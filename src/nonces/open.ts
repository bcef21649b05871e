/** From the settings to an open nonce store. */
import type { NonceSettings } from '../config/settings.js';
import type { Snapshot } from '../verify/snapshot.js';
import { initialiseNonceDirectory, openLmdbNonceStore } from './lmdb-store.js';
import { createMemoryNonceStore } from './memory-store.js';
import type { Clock, NonceStore } from './nonce-store.js';

/** Opens the configured store. Throws a sentence with file and remedy when it cannot. */
export function openNonceStore(
  settings: NonceSettings,
  snapshot: Snapshot,
  clock: Clock,
): Promise<NonceStore> {
  const options = { ...settings, ...widestWindow(snapshot), clock };
  return options.store === 'memory'
    ? Promise.resolve(createMemoryNonceStore(options))
    : openLmdbNonceStore(options);
}

/**
 * Prepares the store of request keys that were made just now, so that its first start need not refuse what
 * could have been let in before. Only for such keys; a directory that is in use is left as it is.
 */
export async function initialiseNonceStore(
  settings: NonceSettings,
  snapshot: Snapshot,
  clock: Clock,
): Promise<void> {
  if (settings.store === 'memory') return;
  await initialiseNonceDirectory({ ...settings, ...widestWindow(snapshot), clock });
}

/**
 * The furthest back and ahead that any policy lets a timestamp be: a store keeps every nonce for the widest
 * window, and its start-up rule covers the furthest future.
 */
function widestWindow(snapshot: Snapshot): { pastSkewSeconds: number; futureSkewSeconds: number } {
  const windows = [...snapshot.policies.values()].flatMap((policy) =>
    policy.kind === 'signed' ? [policy.freshness] : [],
  );
  return {
    pastSkewSeconds: Math.max(0, ...windows.map((window) => window.pastSkewSeconds)),
    futureSkewSeconds: Math.max(0, ...windows.map((window) => window.futureSkewSeconds)),
  };
}
