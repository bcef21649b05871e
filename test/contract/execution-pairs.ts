/** Pairs, tenants and bounds for the tests of execution stores. */
import { createHash } from 'node:crypto';
import type { ExecutionBounds, ExecutionPair } from '../../src/executions/execution-store.js';

/** When every test begins, Unix milliseconds. */
export const START_MS = 1_764_000_000_000;
export const ROOMY: ExecutionBounds = { maxPerTenant: 1_000, maxInAll: 10_000, retentionSeconds: 600 };
export const TENANT = '11111111-1111-4111-8111-111111111111';
export const OTHER_TENANT = '22222222-2222-4222-8222-222222222222';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The n-th pair of a test; equal numbers are equal pairs. */
export function numberedPair(number: number, tenant = TENANT): ExecutionPair {
  return { tenant, execution: sha256(`execution ${number}`), attestation: sha256(`attestation ${number}`) };
}
