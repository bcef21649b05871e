/** The rate limits of this process: its own, or those that all workers or all machines count together. */
import type { ServerSettings } from '../config/settings.js';
import { openLmdbRateLimits } from '../rate-limits/lmdb.js';
import type { NonceStore } from '../nonces/nonce-store.js';
import { RateLimiter, type RateLimits } from '../verify/rate-limiter.js';

/** Limits, and how to close what they are kept in. */
export interface OpenRateLimits {
  readonly limits: RateLimits;
  close(): Promise<void>;
}

/** Opens the limits beside the nonces, or takes those of a store that has its own. Throws a sentence with the remedy when it cannot. */
export function openRateLimits(
  { nonces, workers }: Pick<ServerSettings, 'nonces' | 'workers'>,
  store: Pick<NonceStore, 'rateLimits'>,
): OpenRateLimits {
  if (store.rateLimits !== undefined) return { limits: store.rateLimits, close: () => Promise.resolve() };
  if (workers === 1 || nonces.store !== 'lmdb')
    return { limits: new RateLimiter(), close: () => Promise.resolve() };
  const limits = openLmdbRateLimits({ directory: nonces.directory, nowSeconds: secondsSinceBoot });
  return { limits, close: () => limits.close() };
}

/** `performance.now` begins with each process; this clock (CLOCK_MONOTONIC) is the machine's. */
function secondsSinceBoot(): number {
  return Number(process.hrtime.bigint() / 1_000_000_000n);
}
