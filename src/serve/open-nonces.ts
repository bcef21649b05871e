/** From the settings to an open nonce store. */
import type { NonceSettings } from '../config/settings.js';
import type { Snapshot } from '../verify/snapshot.js';
import { initialiseNonceDirectory, openLmdbNonceStore } from '../nonces/lmdb/store.js';
import { createMemoryNonceStore } from '../nonces/memory-store.js';
import type { Clock, NonceStore } from '../nonces/nonce-store.js';
import { openRedisNonceStore } from '../nonces/redis/store.js';
import { widestWindow } from '../verify/checks/freshness.js';

/**
 * Opens the configured store. Throws a sentence with file and remedy when it cannot. `report` is told, in a
 * sentence, what a store finds out while it serves.
 */
export function openNonceStore(
  settings: NonceSettings,
  snapshot: Snapshot,
  clock: Clock,
  report?: (message: string) => void,
): Promise<NonceStore> {
  const options = { ...settings, ...widestWindow(snapshot), clock };
  switch (options.store) {
    case 'memory':
      return Promise.resolve(createMemoryNonceStore(options));
    case 'lmdb':
      return openLmdbNonceStore(options);
    case 'redis':
      return openRedisNonceStore({ ...options, report });
  }
}

/**
 * Prepares the store of request keys that were made just now, so that its first start need not refuse what
 * could have been let in before. Only for such keys; a store that is in use is left as it is.
 */
export async function initialiseNonceStore(
  settings: NonceSettings,
  snapshot: Snapshot,
  clock: Clock,
): Promise<void> {
  if (settings.store === 'memory') return;
  const options = { ...settings, ...widestWindow(snapshot), clock };
  if (options.store === 'lmdb') return initialiseNonceDirectory(options);
  const store = await openRedisNonceStore({ ...options, isNew: true });
  await store.close();
}
