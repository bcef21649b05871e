/**
 * What is answered, whichever of Envoy's filters asked: the verified headers and metadata, or the refusal with its JSON
 * body (docs/wire-contract.md#answers-and-refusals). The fronts write it as their filter reads it.
 */
import {
  OUR_HEADER_PREFIX,
  VERIFIED_HEADERS,
  WOULD_REFUSE_HEADER,
  type SecurityHeaderNames,
} from '../../protocol/header-names.js';
import type { DecisionFacts } from '../../verify/decision.js';
import { answerFor, type Refusal } from '../../verify/refusal.js';
import type { EstablishedContext } from '../../verify/report-only/would-refuse.js';
import type { SignedPolicy } from '../../verify/snapshot.js';

/** Each of them is set or removed on every request that goes on. */
const KNOWN_HEADERS: readonly string[] = [...VERIFIED_HEADERS, WOULD_REFUSE_HEADER];

const NONE: readonly string[] = [];

/** Header name and value; set means overwrite. */
export type HeaderPair = readonly [name: string, value: string];

/** What becomes of the headers of a request: names to set, which overwrites, and to remove. No name is in both. */
export interface HeaderChanges {
  readonly set: readonly HeaderPair[];
  readonly remove: readonly string[];
}

/** Values of the dynamic metadata; what is undefined is left out. */
export type Metadata = Readonly<Record<string, string | undefined>>;

/** What an answer is made of, besides the decision. */
export interface AnswerOptions {
  readonly decisionId: string;
  readonly facts: DecisionFacts;
  /** `spoofedNames` of the request: removed, whatever they are. */
  readonly spoofed: readonly string[];
  readonly headerNames: SecurityHeaderNames;
  /** With an allow that claimed a nonce: `verify/claim-text.ts`, to come back with what became of it. */
  readonly claim?: string | undefined;
  /** Of a check that is traced: its span, for what goes on with the trace. */
  readonly traceparent?: string | undefined;
  /** With an allow that report-only makes of a refusal: its code, and what was established all the same. */
  readonly wouldRefuse?: { readonly code: string; readonly context: EstablishedContext } | undefined;
}

/** What goes on: verified in full, or as far as anything is established. */
export interface Passing {
  readonly context: EstablishedContext;
  readonly policy: SignedPolicy;
}

/** The verified context, overwriting what came in; what has no value is removed, never listed twice (docs/envoy-behaviour.md#9). */
export function allowChanges({ context, policy }: Passing, options: AnswerOptions): HeaderChanges {
  const set: HeaderPair[] = [];
  const remove: string[] = [];
  const values = verifiedValues(context, policy.name, options.decisionId);
  let index = 0;
  for (const name of VERIFIED_HEADERS) {
    const value = values[index++];
    if (value === undefined) remove.push(name);
    else set.push([name, value]);
  }
  if (options.wouldRefuse === undefined) remove.push(WOULD_REFUSE_HEADER);
  else set.push([WOULD_REFUSE_HEADER, options.wouldRefuse.code]);
  remove.push(...options.spoofed);
  if (policy.signature === 'bundle') removeUnverifiedProof(remove, options.headerNames);
  return { set, remove };
}

/** A declared pass-through: nothing was verified, so none of our headers goes on. */
export function passThroughChanges({ spoofed }: Pick<AnswerOptions, 'spoofed'>): HeaderChanges {
  return { set: [], remove: [...KNOWN_HEADERS, ...spoofed] };
}

/** What the client gets instead. */
export interface RefusalReply {
  /** 400 to 599. */
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  /** JSON. */
  readonly body: string;
}

/** The refusal as JSON (docs/wire-contract.md#answers-and-refusals). */
export function refusalReply(refusal: Refusal, options: AnswerOptions): RefusalReply {
  const answer = answerFor(refusal.code);
  const error = {
    code: answer.clientCode,
    message: answer.message,
    // Only who has proven its key learns more than the code (docs/wire-contract.md#answers-and-refusals).
    ...(options.facts.kid !== undefined && refusal.fault),
    ...(refusal.first && {
      first_request_id: refusal.first.requestId,
      first_seen_at: Math.floor(refusal.first.seenAtMs / 1000),
      // JSON leaves it out while it is not known.
      first_status: refusal.first.status,
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
  return { status: answer.status, headers, body };
}

/** In the order of `VERIFIED_HEADERS`. Where nobody is identified, the policy is not named either: nothing was met. */
function verifiedValues(
  context: EstablishedContext,
  policy: string,
  decisionId: string,
): (string | undefined)[] {
  const { identity, assurance, kid, certificateSha256, tenant, operator, attestation } = context;
  const met = identity === undefined ? undefined : policy;
  return [identity, assurance, kid, certificateSha256, tenant, operator, attestation, met, decisionId];
}

/** Names of a request's headers that look like ours and are none, each once. */
export function spoofedNames(inboundNames: Iterable<string>): readonly string[] {
  let spoofed: string[] | undefined;
  for (const name of inboundNames)
    if (
      name.startsWith(OUR_HEADER_PREFIX) &&
      !KNOWN_HEADERS.includes(name) &&
      spoofed?.includes(name) !== true
    )
      (spoofed ??= []).push(name);
  return spoofed ?? NONE;
}

/** Where the body carried the proof, signature headers were not looked at and must not look verified. */
function removeUnverifiedProof(remove: string[], names: SecurityHeaderNames): void {
  remove.push(names.timestamp, names.nonce, names.signature);
}

/**
 * Keys of the dynamic metadata, for access logs, RBAC and the feedback signer. On an allow all of it is
 * verified, and so it is beside `would_refuse`, where most of it may be missing; on a refusal it is what was signed or
 * shown, as far as the checks came. Read `code` first.
 */
export function metadataOf(
  code: string,
  { decisionId, facts, claim, traceparent, wouldRefuse }: AnswerOptions,
): Metadata {
  const { policy } = facts;
  const { identity, assurance, kid, certificateSha256, tenant, operator, attestation } =
    wouldRefuse?.context ?? facts;
  return {
    decision_id: decisionId,
    code,
    policy: policy?.name,
    identity,
    assurance,
    kid,
    cert_sha256: certificateSha256,
    tenant,
    operator,
    attestation,
    claim,
    traceparent,
    would_refuse: wouldRefuse?.code,
  };
}
