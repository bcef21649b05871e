/**
 * From a decision to `envoy.service.auth.v3.CheckResponse`: verified headers and metadata, or the refusal with its JSON
 * body (docs/wire-contract.md#answers-and-refusals). Written field by field; an unset status would be an allow
 * (docs/envoy-behaviour.md#1), so every response begins with an explicit integer and a test decodes each with Envoy's
 * full definitions.
 */
import {
  OUR_HEADER_PREFIX,
  VERIFIED_HEADERS,
  type SecurityHeaderNames,
} from '../../protocol/header-names.js';
import type { DecisionFacts, VerifiedContext } from '../../verify/decision.js';
import { answerFor, type Refusal } from '../../verify/refusal.js';
import type { SignedPolicy } from '../../verify/snapshot.js';
import { bytes, field, integer, text } from '../wire/writer.js';

/** A client's own copy never reaches the check but would be forwarded (docs/envoy-behaviour.md#19). */
const PARTIAL_BODY_MARK = 'x-envoy-auth-partial-body';

/** What an answer is made of, besides the decision. */
export interface AnswerOptions {
  readonly decisionId: string;
  readonly facts: DecisionFacts;
  /** What the request named, as far as it is read: names that look like ours are removed, whatever they are. */
  readonly inboundNames: Iterable<string>;
  readonly headerNames: SecurityHeaderNames;
  /** With an allow that claimed a nonce: `verify/claim-text.ts`, to come back with what became of it. */
  readonly claim?: string | undefined;
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
function metadataOf(code: string, { decisionId, facts, claim }: AnswerOptions): Metadata {
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
    claim,
  };
}

/** google.rpc.Code. */
const OK = 0;
const PERMISSION_DENIED = 7;

/** Header name and value; set means overwrite. */
export type HeaderPair = readonly [name: string, value: string];

/** Values of the dynamic metadata; what is undefined is left out. */
type Metadata = Readonly<Record<string, string | undefined>>;

/** An OK: the headers to overwrite, those to remove, and the metadata under Envoy's namespace. */
export function encodeAllow(
  set: readonly HeaderPair[],
  remove: readonly string[],
  metadata: Metadata,
): Buffer {
  let ok = '';
  for (const pair of set) ok += headerOption(pair);
  for (const name of remove) ok += field(5, text(name));
  return bytes(status(OK) + field(3, ok) + struct(metadata));
}

/** A refusal with its HTTP status, headers and JSON body. */
export function encodeRefusal(
  httpStatus: number,
  headers: readonly HeaderPair[],
  body: string,
  metadata: Metadata,
): Buffer {
  if (!Number.isInteger(httpStatus) || httpStatus < 400 || httpStatus > 599) {
    throw new RangeError(`a refusal needs an HTTP status from 400 to 599, not ${String(httpStatus)}`);
  }
  let denied = field(1, integer(1, httpStatus));
  for (const pair of headers) denied += headerOption(pair);
  denied += field(3, text(body));
  return bytes(status(PERMISSION_DENIED) + field(2, denied) + struct(metadata));
}

/** CheckResponse.status=1, google.rpc.Status.code=1. Zero is written too: nothing here rests on a default. */
function status(code: number): string {
  return field(1, integer(1, code));
}

/**
 * HeaderValueOption.header=1 { key=1, value=2 }; `append` stays unset, which overwrites (docs/envoy-behaviour.md#8). The names are
 * our own constants, and ASCII.
 */
function headerOption([name, value]: HeaderPair): string {
  return field(2, field(1, field(1, name) + field(2, text(value))));
}

/** CheckResponse.dynamic_metadata=4: a google.protobuf.Struct, fields=1 { key=1, value=2 { string_value=3 } }; keys as above. */
function struct(metadata: Metadata): string {
  let entries = '';
  for (const key in metadata) {
    const value = metadata[key];
    if (value !== undefined) entries += field(1, field(1, key) + field(2, field(3, text(value))));
  }
  return field(4, entries);
}
