/** The rate limits of this process: its own, or those that all workers count together. */
import type { ServerSettings } from '../config/settings.js';
import { openLmdbRateLimits } from '../nonces/lmdb-rate-limits.js';
import { RateLimiter, type RateLimits } from '../verify/rate-limiter.js';

/** Limits, and how to close what they are kept in. */
export interface OpenRateLimits {
  readonly limits: RateLimits;
  close(): Promise<void>;
}

/** Opens the limits beside the nonces, which were opened before. Throws a sentence with the remedy when it cannot. */
export function openRateLimits({
  nonces,
  workers,
}: Pick<ServerSettings, 'nonces' | 'workers'>): OpenRateLimits {
  if (workers === 1 || nonces.store !== 'lmdb')
    return { limits: new RateLimiter(), close: () => Promise.resolve() };
  const limits = openLmdbRateLimits({ directory: nonces.directory, nowSeconds: secondsSinceBoot });
  return { limits, close: () => limits.close() };
}

/** `performance.now` begins with each process; this clock (CLOCK_MONOTONIC) is the machine's. */
function secondsSinceBoot(): number {
  return Number(process.hrtime.bigint() / 1_000_000_000n);
}
