/** What report-only lets pass: the decision that stands in the record, what was established, and what the request still uses up. */
import type { Admissible } from '../admission.js';
import type { VerifiedContext } from '../decision.js';
import type { ClaimOnce, Verified } from '../pipeline.js';
import type { Refusal, RefusalCode } from '../refusal.js';
import type { RateLimit, SignedPolicy, Snapshot } from '../snapshot.js';
import type { SeenCaller } from './caller.js';
import { Tolerance } from './tolerance.js';

/** What a second look has found. */
export interface Established {
  readonly caller: SeenCaller;
  /** Of the key that verified the signature; undefined where none did. */
  readonly kid: string | undefined;
  /** Absent where no nonce can be claimed: no key was proven, or the timestamp lies outside what a store remembers. */
  readonly once: ClaimOnce | undefined;
  /** For whom the request speaks; undefined where that is not so. */
  readonly tenancy: Partial<Pick<VerifiedContext, Tenancy>> | undefined;
}

type Tenancy = 'tenant' | 'operator' | 'attestation' | 'execution';

/**
 * What may be told of as verified. Certificate and key have to prove the same identity before anything is; of one whom
 * only one of them names, nothing is.
 */
export type EstablishedContext = Partial<VerifiedContext>;

/** A request that would be refused, and goes on. */
export interface WouldRefuse {
  readonly kind: 'would_refuse';
  readonly policy: SignedPolicy;
  /** As it was decided: what the client would have been answered. */
  readonly refusal: Refusal;
  /** All that was let pass, the code of the refusal first. */
  readonly tolerated: readonly RefusalCode[];
  readonly context: EstablishedContext;
  /** What is asked of the stores: rate limit and claim as ever, as far as there is somebody to count. */
  readonly admissible: Admissible;
  readonly tolerance: Tolerance;
}

/** What a {@link WouldRefuse} is made of. */
interface Parts extends Pick<WouldRefuse, 'policy' | 'refusal' | 'tolerance'> {
  readonly established: Established;
}

export function wouldRefuse({ policy, refusal, tolerance, established }: Parts): WouldRefuse {
  const context = contextOf(established);
  const admissible = {
    policy: { freshness: policy.freshness, rateLimit: limitOf(policy, context) },
    context: countedUnder(policy, established, context),
    once: established.once,
  };
  return goesOn({ policy, refusal, context, admissible, tolerance });
}

function goesOn(parts: Omit<WouldRefuse, 'kind' | 'tolerated'>): WouldRefuse {
  return { kind: 'would_refuse', ...parts, tolerated: parts.tolerance.codes };
}

function contextOf({ caller, kid, tenancy }: Established): EstablishedContext {
  const { certificate, identity, assurance } = caller;
  if (assurance === undefined || kid === undefined || identity === undefined || certificate === undefined)
    return {};
  return {
    identity: identity.name,
    assurance,
    kid,
    certificateSha256: certificate.certificateSha256,
    ...tenancy,
  };
}

/** Whether it is counted as a request of the operator that it names, or where the body names none, of its identity. */
function isCountedAsEver({ body }: SignedPolicy, { identity, operator }: EstablishedContext): boolean {
  return identity !== undefined && (body?.roles.operator === undefined || operator !== undefined);
}

/** Strangers have an allowance of their own, so that they use up nobody else's. */
function limitOf(policy: SignedPolicy, context: EstablishedContext): RateLimit | undefined {
  const { rateLimit } = policy;
  if (rateLimit === undefined || isCountedAsEver(policy, context)) return rateLimit;
  return { ...rateLimit, group: `${rateLimit.group}:would_refuse` };
}

/** Strangers are told apart by the certificate of the handshake: a CA that is trusted issued it, and no one can make many. */
function countedUnder(
  policy: SignedPolicy,
  { caller }: Established,
  context: EstablishedContext,
): Admissible['context'] {
  const identity = caller.identity?.name ?? '';
  if (isCountedAsEver(policy, context)) return { identity, operator: context.operator };
  return { identity, operator: caller.certificate?.certificateSha256 ?? 'no certificate' };
}

/**
 * What the stores refused of it, let pass where the same entry says so: then the rest is asked for again, without what was
 * refused. A refusal that is not let pass is the answer: it is about this moment, and may be another one when the request
 * comes again.
 */
export function afterAdmission(would: WouldRefuse, refused: Refusal): WouldRefuse | Refusal {
  if (!would.tolerance.takes(refused.code)) return refused;
  const admissible = withoutWhatWasRefused(would.admissible, refused);
  return { ...would, admissible, tolerated: would.tolerance.codes };
}

/** The same of a request in which nothing else is wrong. */
export function afterFirstAdmission(
  { policy, context, once }: Verified,
  refusal: Refusal,
  { snapshot, nowMs }: { readonly snapshot: Snapshot; readonly nowMs: number },
): WouldRefuse | Refusal {
  const { reportOnly } = snapshot;
  if (reportOnly === undefined) return refusal;
  const tolerance = new Tolerance(reportOnly, { policy: policy.name, identity: context.identity, nowMs });
  if (!tolerance.takes(refusal.code)) return refusal;
  const admissible = withoutWhatWasRefused({ policy, context, once }, refusal);
  return goesOn({ policy, refusal, context, admissible, tolerance });
}

/** A limit that is used up is not asked again; of a nonce that was used, or whose window has closed, nothing is claimed. */
function withoutWhatWasRefused({ policy, context, once }: Admissible, { code }: Refusal): Admissible {
  return code === 'rate_limited'
    ? { policy: { freshness: policy.freshness, rateLimit: undefined }, context, once }
    : { policy, context, once: undefined };
}
