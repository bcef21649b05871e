/**
 * What Envoy is told about an answer: `envoy.service.ext_proc.v3.ProcessingResponse`, written field by field, and what
 * is recorded of it. What ext_proc is not told to change goes on as it is, and it reads header values from `raw_value`
 * alone (docs/envoy-behaviour.md#2, #7, #8), so a test decodes each response with Envoy's full definitions.
 */
import { hash } from 'node:crypto';
import type { FeedbackRecordInput } from '../../audit/feedback-record.js';
import { feedbackRefusalAnswer, refusalEnvelope } from '../../feedback/refusal-code.js';
import type { SignedAnswer } from '../../feedback/sign-answer.js';
import { KEYRING_HEADER, OUR_HEADER_PREFIX } from '../../protocol/header-names.js';
import type { HeaderChanges, HeaderPair } from '../check/answer.js';
import { bytes, field, fieldHead, integer, text } from '../wire/writer.js';
import { ANSWER_MARK, HELD, REFUSAL_DETAILS, SIGNED, UNSIGNED } from './envoy-contract.js';
import type { Withheld } from './headers-verdict.js';
import type { ResponseHeaders } from './request.js';

export type Outcome = SignedAnswer | Withheld;

/** The last reply of a stream. `requestId` is for the refusal's envelope; a signed one has its own. */
export function encodeOutcome(outcome: Outcome, requestId: string): Buffer {
  if (outcome.kind === 'signed') return encodeBody(signedHeaders(outcome), outcome.body);
  return encodeImmediate(refusalStatus(outcome), REFUSAL_HEADERS, refusalEnvelope(requestId, outcome.code));
}

/** The part of the record that says how it ended; `told` is false when Envoy has answered without us. */
export function recordedOutcome(
  outcome: Outcome,
  upstreamBody: Buffer | undefined,
  told: boolean,
): FeedbackRecordInput['outcome'] {
  if (outcome.kind === 'signed') {
    const { kid, nonce, adjustments, body } = outcome;
    return { kind: 'issued', kid, nonceHash: sha256(nonce), adjustments, bodyHash: sha256(body) };
  }
  const { code, detail } = outcome;
  return {
    kind: 'refused',
    code,
    detail,
    status: told ? refusalStatus(outcome) : undefined,
    upstreamHash: upstreamBody === undefined ? undefined : sha256(upstreamBody),
  };
}

function refusalStatus(refusal: Withheld): number {
  return refusal.upstreamStatus ?? feedbackRefusalAnswer(refusal.code).status;
}

function sha256(data: string | Buffer): string {
  return hash('sha256', data, 'hex');
}

/**
 * What the upstream said about its own body, which is not the one that is delivered: representation metadata and
 * validators (RFC 9110 §8), ranges (§14), freshness (RFC 9111 §5), digests (RFC 9530, RFC 3230, RFC 1864) and
 * signatures (RFC 9421).
 */
const DESCRIBES_THE_OLD_BODY = [
  'accept-ranges',
  'age',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-md5',
  'content-range',
  'digest',
  'etag',
  'expires',
  'last-modified',
  'pragma',
  'repr-digest',
  'signature',
  'signature-input',
  'trailer',
];

const NO_STORE: HeaderPair = ['cache-control', 'no-store'];
const JSON_TYPE: HeaderPair = ['content-type', 'application/json'];

/**
 * Until the signed body is there the answer is a 502: should Envoy ever let an answer go on without it, nobody
 * takes it for one that was signed.
 */
export function heldHeaders(answer: ResponseHeaders): HeaderChanges {
  return {
    set: [[':status', '502'], [ANSWER_MARK, HELD], NO_STORE],
    remove: [...DESCRIBES_THE_OLD_BODY, ...namedAsOurs(answer)],
  };
}

/** Only the mark is put to it, so that the guard lets it go. */
export function unsignedHeaders(answer: ResponseHeaders): HeaderChanges {
  return { set: [[ANSWER_MARK, UNSIGNED]], remove: namedAsOurs(answer) };
}

function namedAsOurs({ headers }: ResponseHeaders): string[] {
  return [...headers.keys()].filter((name) => name.startsWith(OUR_HEADER_PREFIX));
}

/** With the signed body the answer becomes the 200 that the upstream gave. */
function signedHeaders({ body, keyring }: SignedAnswer): HeaderChanges {
  const length: HeaderPair = ['content-length', String(body.length)];
  const document: HeaderPair[] = keyring === undefined ? [] : [[KEYRING_HEADER, keyring]];
  return { set: [[':status', '200'], [ANSWER_MARK, SIGNED], JSON_TYPE, length, ...document], remove: [] };
}

/** Of an answer that is made by us alone. */
const REFUSAL_HEADERS: readonly HeaderPair[] = [JSON_TYPE, NO_STORE];

/** `response_headers { response {} }`: the headers go on as they are. */
export const PASS_HEADERS: Uint8Array = bytes(field(2, field(1, '')));

/** `response_body { response {} }`: the body goes on as it is. */
export const PASS_BODY: Uint8Array = bytes(field(4, field(1, '')));

/** ProcessingResponse.response_headers=2 { response=1 { header_mutation=2 } }: the body is still to come. */
export function encodeHeaders(changes: HeaderChanges): Buffer {
  return bytes(field(2, field(1, field(2, headerMutation(changes)))));
}

/** ProcessingResponse.response_body=4 { response=1 { header_mutation=2, body_mutation=3 { body=1 } } }. */
export function encodeBody(changes: HeaderChanges, body: Uint8Array): Buffer {
  const bodyHead = fieldHead(1, body.length);
  const mutation = fieldHead(3, bodyHead.length + body.length) + bodyHead;
  const common = field(2, headerMutation(changes)) + mutation;
  const inner = fieldHead(1, common.length + body.length) + common;
  return Buffer.concat([bytes(fieldHead(4, inner.length + body.length) + inner), body]);
}

/**
 * ProcessingResponse.immediate_response=7 { status=1 { code=1 }, headers=2, details=5, body=3 }: Envoy answers
 * itself and nothing of the upstream's answer is left. A status that is not set would be a 200.
 */
export function encodeImmediate(
  status: number,
  set: readonly HeaderPair[],
  body: Uint8Array,
  details = REFUSAL_DETAILS,
): Buffer {
  if (!Number.isInteger(status) || status < 400 || status > 599)
    throw new RangeError(`a refusal needs an HTTP status from 400 to 599, not ${String(status)}`);
  const head =
    field(1, integer(1, status)) +
    field(2, headerMutation({ set, remove: [] })) +
    field(5, details) +
    fieldHead(3, body.length);
  return Buffer.concat([bytes(fieldHead(7, head.length + body.length) + head), body]);
}

/** Removal happens first (docs/envoy-behaviour.md#9). HeaderMutation: set_headers=1 { header=1 { key=1, raw_value=3 } }, remove_headers=2; `append` stays unset. */
export function headerMutation({ set, remove }: HeaderChanges): string {
  let mutation = '';
  for (const [name, value] of set)
    mutation += field(1, field(1, field(1, text(name)) + field(3, text(value))));
  for (const name of remove) mutation += field(2, text(name));
  return mutation;
}
