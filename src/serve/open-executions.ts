/** From the settings to an open execution store. */
import type { NonceSettings } from '../config/settings.js';
import type { ExecutionBounds, ExecutionStore } from '../executions/execution-store.js';
import { openLmdbExecutionStore } from '../executions/lmdb-store.js';
import { createMemoryExecutionStore } from '../executions/memory-store.js';
import { openRedisExecutionStore } from '../executions/redis-store.js';

/** Pairs in all: some 200 MB of memory, 400 MB of disk, or 300 MB of Redis. */
const MAX_IN_ALL = 1_000_000;

/** How much one tenant may have kept, and for how long; the bound in all follows from it where it is not given. */
export type ExecutionSettings = Omit<ExecutionBounds, 'maxInAll'> &
  Partial<Pick<ExecutionBounds, 'maxInAll'>>;

/**
 * Opens the store that goes with the nonce store: in its directory or its Redis, shared by the same processes.
 * To be called after the nonce store was opened, which may want to see an empty directory. Throws a sentence
 * with path and remedy when it cannot.
 */
export function openExecutionStore(settings: ExecutionSettings, nonces: NonceSettings): ExecutionStore {
  const { maxPerTenant, retentionSeconds } = settings;
  const maxInAll = settings.maxInAll ?? Math.max(MAX_IN_ALL, maxPerTenant);
  const bounds = { maxPerTenant, retentionSeconds, maxInAll };
  if (nonces.store === 'memory') return createMemoryExecutionStore(bounds);
  if (nonces.store === 'redis') return openRedisExecutionStore({ ...bounds, redis: nonces.redis });
  const { directory, durability } = nonces;
  return openLmdbExecutionStore({ ...bounds, directory, durability });
}
