/** Short keys of fixed length for tenants and pairs, so that no text of a client becomes a key. */
import { createHash } from 'node:crypto';
import type { ExecutionPair } from './execution-store.js';

/** Half a SHA-256: nobody finds a second pair with the key of a first one. */
export const KEY_BYTES = 16;

/** The key of a tenant, `KEY_BYTES` long. */
export function tenantKey(tenant: string): Buffer {
  return hash(['tenant', tenant]);
}

/** The key of a pair, `KEY_BYTES` long; another tenant's same execution has another one. */
export function pairKey({ tenant, execution, attestation }: ExecutionPair): Buffer {
  return hash(['pair', tenant, execution, attestation]);
}

/** Every part with its length before it: no two lists of parts are the same bytes. */
function hash(parts: readonly string[]): Buffer {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${Buffer.byteLength(part)}:`).update(part);
  return digest.digest().subarray(0, KEY_BYTES);
}
