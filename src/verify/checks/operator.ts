/** Whether this identity may speak for the operator, and which tenant the operator acts for. */
import { refuse, type Refusal } from '../refusal.js';
import type { Identity, Snapshot } from '../snapshot.js';

/** Every id is compared byte for byte. A route without an operator has no tenant either. */
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
