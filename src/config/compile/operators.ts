/** What the parts of a snapshot say about each other's operators. */
import type { Snapshot } from '../../verify/snapshot.js';
import type { LoadContext } from './context.js';
import { quote } from '../document/findings.js';

/** Warns where a policy asks for an operator and nobody is mapped: it would refuse every request. */
export function warnAboutOperators(snapshot: Snapshot, context: LoadContext): void {
  if (snapshot.operators.size > 0) return;
  for (const policy of snapshot.policies.values()) {
    if (policy.kind === 'signed' && policy.body?.roles.operator !== undefined)
      context.findings.warn(
        ['operators'],
        `no operator is mapped to a tenant: ${quote(policy.name)} will refuse every request`,
      );
  }
}
