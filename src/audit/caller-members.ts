/**
 * The members of a record that say who called, for whom and under which policy. Of a caller that has proven its key they
 * come again with each request, so their text is kept: to escape and join them anew is half the cost of a record.
 */
import { isSameCaller, type CallerFacts, type DecisionFacts } from '../verify/decision.js';
import { member, ours } from './members.js';

/** When so many are kept all are dropped: every one can be made again. */
const MAX_KEPT = 2_048;

/** As they stand in a record, where the skew comes between the two. */
interface CallerMembers {
  /** Names and claimed names. */
  readonly names: string;
  /** What they rest on, and what was asked for. */
  readonly context: string;
}

interface Kept extends CallerMembers {
  readonly facts: CallerFacts;
  readonly policy: string | undefined;
}

const kept = new Map<string, Kept>();

export function callerMembers(facts: DecisionFacts): CallerMembers {
  const { identity, operator = identity, kid, policy } = facts;
  if (operator === undefined || identity === undefined || kid === undefined) return made(facts);
  const known = kept.get(operator);
  if (known !== undefined && known.policy === policy?.name && isSameCaller(known.facts, facts)) return known;
  if (kept.size >= MAX_KEPT) kept.clear();
  const { certificateSha256, assurance, tenant, attestation } = facts;
  const told = { identity, kid, certificateSha256, assurance, tenant, operator: facts.operator, attestation };
  const { names, context } = made(facts);
  const members = { names: flat(names), context: flat(context), facts: told, policy: policy?.name };
  kept.set(operator, members);
  return members;
}

/** In one piece: V8 keeps joined texts as a tree, which would be walked for each record anew. */
function flat(joined: string): string {
  return Buffer.from(joined).toString();
}

function made(facts: DecisionFacts): CallerMembers {
  return {
    names:
      member('identity', facts.identity) +
      member('claimed_identity', facts.identity === undefined ? facts.claimedIdentity : undefined) +
      member('kid', facts.kid) +
      member('claimed_kid', facts.kid === undefined ? facts.claimedKid : undefined),
    context:
      ours('cert_sha256', facts.certificateSha256) +
      ours('assurance', facts.assurance) +
      member('tenant', facts.tenant) +
      member('operator', facts.operator) +
      member('policy', facts.policy?.name) +
      member('attestation', facts.attestation),
  };
}
