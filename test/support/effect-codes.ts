/** Codes that no pure check gives; `authorization-service*.test.ts` make each happen. */
import type { RefusalCode } from '../../src/verify/refusal.js';

/** A test runs over this very list, so that a code cannot be listed without being made to happen. */
export const storeCodes = {
  nonce_below_floor: 'below_floor',
  nonce_store_full: 'store_full',
  nonce_quota_exceeded: 'quota_exceeded',
  clock_diverged: 'clock_diverged',
  nonce_store_unavailable: 'store_unavailable',
} as const satisfies Partial<Record<RefusalCode, string>>;

/** What the service itself says; each has a test of its own name. */
export const serviceCodes = [
  'rate_limited',
  'replayed_nonce',
  'deadline_spent',
  'execution_store_unavailable',
  'rate_limit_unavailable',
  'audit_unavailable',
  'overloaded',
  'internal_error',
] as const satisfies readonly RefusalCode[];

export const effectCodes: readonly RefusalCode[] = [
  ...(Object.keys(storeCodes) as (keyof typeof storeCodes)[]),
  ...serviceCodes,
];
