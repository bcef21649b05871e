/** From the settings to an open nonce store. */
import type { NonceSettings } from '../config/settings.js';
import type { Snapshot } from '../verify/snapshot.js';
import { openLmdbNonceStore } from './lmdb-store.js';
import { createMemoryNonceStore } from './memory-store.js';
import type { Clock, NonceStore } from './nonce-store.js';

/** Opens the configured store. Throws a sentence with file and remedy when it cannot. */
export function openNonceStore(
  settings: NonceSettings,
  snapshot: Snapshot,
  clock: Clock,
): Promise<NonceStore> {
  const { maxEntries, maxEntriesPerIdentity } = settings;
  const futureSkewSeconds = widestFutureSkew(snapshot);
  const common = { maxEntries, maxEntriesPerIdentity, futureSkewSeconds, clock };
  if (settings.store === 'memory') return Promise.resolve(createMemoryNonceStore(common));
  return openLmdbNonceStore({ ...common, directory: settings.directory, durability: settings.durability });
}

/** What the start-up rule has to cover: the furthest ahead that any policy lets a timestamp be. */
function widestFutureSkew(snapshot: Snapshot): number {
  const skews = [...snapshot.policies.values()].map((policy) =>
    policy.kind === 'signed' ? policy.freshness.futureSkewSeconds : 0,
  );
  return Math.max(0, ...skews);
}
