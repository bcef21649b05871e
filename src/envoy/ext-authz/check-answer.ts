/** From a decision to the CheckResponse: verified headers and metadata, or the refusal of docs/wire-contract.md. */
import type { DecisionFacts, VerifiedContext } from '../../verify/decision.js';
import { answerFor, type Refusal } from '../../verify/refusal.js';
import type { SignedPolicy } from '../../verify/snapshot.js';
import { OUR_HEADER_PREFIX, type SecurityHeaderNames } from '../../protocol/header-names.js';
import { encodeAllow, encodeRefusal, type HeaderPair, type Metadata } from './check-response.js';

/** The headers that only the verifier may set (docs/wire-contract.md#what-the-application-receives). */
export const VERIFIED_HEADERS = [
  'x-countersign-identity',
  'x-countersign-kid',
  'x-countersign-cert-sha256',
  'x-countersign-tenant',
  'x-countersign-operator',
  'x-countersign-attestation',
  'x-countersign-policy',
  'x-countersign-request-id',
] as const;

/** A client's own copy never reaches the check but would be forwarded (docs/envoy-behaviour.md#19). */
const PARTIAL_BODY_MARK = 'x-envoy-auth-partial-body';

/** What an answer is made of, besides the decision. */
export interface AnswerOptions {
  readonly decisionId: string;
  readonly facts: DecisionFacts;
  /** What the request named, as far as it is read: names that look like ours are removed, whatever they are. */
  readonly inboundNames: Iterable<string>;
  readonly headerNames: SecurityHeaderNames;
}

/** The verified context, overwriting what came in; what has no value is removed, never listed twice (docs/envoy-behaviour.md#9). */
export function allowAnswer(
  context: VerifiedContext,
  policy: SignedPolicy,
  options: AnswerOptions,
): Uint8Array {
  const set: HeaderPair[] = [];
  const remove: string[] = [PARTIAL_BODY_MARK];
  const values = verifiedValues(context, policy.name, options.decisionId);
  let index = 0;
  for (const name of VERIFIED_HEADERS) {
    const value = values[index++];
    if (value === undefined) remove.push(name);
    else set.push([name, value]);
  }
  removeSpoofed(remove, options.inboundNames);
  if (policy.signature === 'bundle') removeUnverifiedProof(remove, options.headerNames);
  return encodeAllow(set, remove, metadataOf('allow', options));
}

/** A declared pass-through: nothing was verified, so none of our headers goes on. */
export function passThroughAnswer(options: AnswerOptions): Uint8Array {
  const remove: string[] = [PARTIAL_BODY_MARK, ...VERIFIED_HEADERS];
  removeSpoofed(remove, options.inboundNames);
  return encodeAllow([], remove, metadataOf('pass_through', options));
}

/** The refusal as JSON (docs/wire-contract.md#answers-and-refusals). */
export function refusalAnswer(refusal: Refusal, options: AnswerOptions): Uint8Array {
  const answer = answerFor(refusal.code);
  const error = {
    code: answer.clientCode,
    message: answer.message,
    // Only who has proven its key learns more than the code (docs/wire-contract.md#answers-and-refusals).
    ...(options.facts.kid !== undefined && refusal.fault),
    ...(refusal.first && {
      first_request_id: refusal.first.requestId,
      first_seen_at: Math.floor(refusal.first.seenAtMs / 1000),
    }),
  };
  const body = JSON.stringify({
    request_id: options.decisionId,
    status: 'rejected',
    data: null,
    errors: [error],
  });
  const headers: HeaderPair[] = [['content-type', 'application/json']];
  if (refusal.allowedMethods !== undefined) headers.push(['allow', refusal.allowedMethods.join(', ')]);
  if (refusal.retryAfterSeconds !== undefined)
    headers.push(['retry-after', String(refusal.retryAfterSeconds)]);
  return encodeRefusal(answer.status, headers, body, metadataOf(refusal.code, options));
}

/** In the order of `VERIFIED_HEADERS`. */
function verifiedValues(
  context: VerifiedContext,
  policy: string,
  decisionId: string,
): (string | undefined)[] {
  const { identity, kid, certificateSha256, tenant, operator, attestation } = context;
  return [identity, kid, certificateSha256, tenant, operator, attestation, policy, decisionId];
}

function removeSpoofed(remove: string[], inboundNames: Iterable<string>): void {
  const known: readonly string[] = VERIFIED_HEADERS;
  for (const name of inboundNames)
    if (name.startsWith(OUR_HEADER_PREFIX) && !known.includes(name) && !remove.includes(name))
      remove.push(name);
}

/** Where the body carried the proof, signature headers were not looked at and must not look verified. */
function removeUnverifiedProof(remove: string[], names: SecurityHeaderNames): void {
  remove.push(names.timestamp, names.nonce, names.signature);
}

/**
 * Keys of `envoy.filters.http.ext_authz`, for access logs, RBAC and the feedback signer. On an allow all of it is
 * verified; on a refusal it is what was signed or shown, as far as the checks came. Read `code` first.
 */
function metadataOf(code: string, { decisionId, facts }: AnswerOptions): Metadata {
  const { policy, identity, kid, certificateSha256, tenant, operator, attestation } = facts;
  return {
    decision_id: decisionId,
    code,
    policy: policy?.name,
    identity,
    kid,
    cert_sha256: certificateSha256,
    tenant,
    operator,
    attestation,
  };
}
