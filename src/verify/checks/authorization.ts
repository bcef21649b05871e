/** For whom the proven identity may speak: operator, tenant and attestation. */
import { refuse, type Refusal } from '../refusal.js';
import type { Identity, Snapshot } from '../snapshot.js';

/** Which tenant the operator acts for, if this identity may speak for it. Every id is compared byte for byte. A route without an operator has no tenant either. */
export function checkOperator(
  operator: string | undefined,
  tenant: string | undefined,
  identity: Identity,
  snapshot: Snapshot,
): { readonly kind: 'tenant'; readonly tenant: string | undefined } | Refusal {
  if (operator === undefined)
    return tenant === undefined
      ? { kind: 'tenant', tenant }
      : refuse('tenant_mismatch', 'a tenant without an operator');
  if (identity.operators?.has(operator) === false) return refuse('operator_not_of_identity');
  const mapped = snapshot.operators.get(operator);
  if (mapped === undefined) return refuse('operator_unmapped');
  return tenant === undefined || tenant === mapped
    ? { kind: 'tenant', tenant: mapped }
    : refuse('tenant_mismatch');
}

/**
 * Whether the attestation measurement hash is one that this identity may present.
 * `attestation` is 64 lower-case hex digits by now; its syntax was part of the body contract.
 */
export function checkAttestation(attestation: string | undefined, identity: Identity): Refusal | undefined {
  if (attestation === undefined || identity.attestations === undefined) return undefined;
  return identity.attestations.has(attestation) ? undefined : refuse('attestation_not_allowed');
}
