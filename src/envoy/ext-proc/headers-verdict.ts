/**
 * What the headers of a response decide: whether it is Envoy's own refusal, an upstream's answer that may be
 * signed once its body is here, or one that is withheld at once. Pure.
 */
import type { FeedbackQuery } from '../../feedback/sign-answer.js';
import type { FeedbackSettings } from '../../feedback/feedback-settings.js';
import { refuseAnswer, type AnswerRefusal } from '../../feedback/refusal-code.js';
import type { Snapshot } from '../../verify/snapshot.js';
import { BUFFERED, type ProcessingRequest, type ResponseHeaders } from './request.js';

/** A refusal, with the upstream's own status where that is an error. */
export interface Withheld extends AnswerRefusal {
  /** 400 to 599; undefined: the status of the code. */
  readonly upstreamStatus?: number;
}

/** The body is awaited, to be signed for this query. */
export interface Held {
  readonly kind: 'held';
  readonly query: FeedbackQuery;
  readonly settings: FeedbackSettings;
}

/**
 * `unsigned`: report-only let a request pass of which nobody is established that an answer could be signed for. Its
 * answer passes as it is: it says nothing under our signature, and whoever needs one refuses it.
 */
export type HeadersVerdict = { readonly kind: 'local_reply' | 'unsigned' } | Held | Withheld;

/** Envoy's response code details for headers that came from an upstream; filters alone can set another one. */
export const VIA_UPSTREAM = 'via_upstream';
export const CODE_DETAILS = 'response.code_details';

/** What the verifier's metadata says of requests that went on to the upstream. */
const FORWARDED_CODES: ReadonlySet<string | undefined> = new Set(['allow', 'pass_through']);

const STATUS = /^[1-5][0-9]{2}$/;
const LENGTH = /^[0-9]{1,15}$/;

/** Judges the first message of a stream. What is signed later still has to be bound to the query. */
export function judgeHeaders(
  request: ProcessingRequest,
  part: ResponseHeaders,
  snapshot: Snapshot,
): HeadersVerdict {
  const status = statusOf(part);
  if (isLocalReply(request)) {
    if (status !== undefined && isError(status)) return { kind: 'local_reply' };
    return refuseAnswer('upstream_local_reply', `Envoy itself would answer ${String(status)}`);
  }
  const query = queryOf(request.context, snapshot);
  if (query.kind !== 'held') return query;
  if (request.observed) return refuseAnswer('internal_error', 'Envoy observes and would not wait');
  if (request.responseBodyMode !== BUFFERED)
    return refuseAnswer('internal_error', 'Envoy does not buffer the answer');
  return answerFault(part, status, query.settings.maxAnswerBytes) ?? query;
}

/**
 * On Envoy 1.37 and later its own replies come by here too (docs/envoy-behaviour.md#6). They are told by Envoy's
 * response code details, or by the verifier's refusal, after which no upstream was asked; never by a header.
 */
function isLocalReply({ attributes, context }: ProcessingRequest): boolean {
  const details = attributes.get(CODE_DETAILS);
  if (details !== undefined) return details !== VIA_UPSTREAM;
  const code = context?.get('code');
  return code !== undefined && !FORWARDED_CODES.has(code);
}

/** For whom the answer is: taken from the verifier's metadata alone, nothing from headers. */
function queryOf(
  context: ProcessingRequest['context'],
  snapshot: Snapshot,
): Held | Withheld | { readonly kind: 'unsigned' } {
  const decisionId = context?.get('decision_id');
  const name = context?.get('policy');
  if (context?.get('code') !== 'allow' || decisionId === undefined || name === undefined)
    return refuseAnswer('context_missing', 'no allow of the verifier came with the answer');
  const policy = snapshot.policies.get(name);
  if (policy?.kind !== 'signed' || policy.answer !== 'signed_feedback')
    return refuseAnswer('context_missing', 'the policy of the request does not sign its answers');
  const tenant = context.get('tenant');
  if (tenant === undefined && context.get('would_refuse') !== undefined) return { kind: 'unsigned' };
  if (tenant === undefined) return refuseAnswer('tenant_missing', 'the verifier named no tenant');
  const { feedback: settings } = snapshot;
  if (settings === undefined) return refuseAnswer('no_active_key', 'feedback is not configured');
  return { kind: 'held', query: { tenant, decisionId }, settings };
}

/** Why these headers cannot belong to an answer that is worth waiting for. */
function answerFault(
  part: ResponseHeaders,
  status: number | undefined,
  maxAnswerBytes: number,
): Withheld | undefined {
  if (status !== undefined && isError(status))
    return { ...refuseAnswer('upstream_status', `the upstream answered ${status}`), upstreamStatus: status };
  if (status !== 200) return refuseAnswer('upstream_status', `the upstream answered ${String(status)}`);
  if (isEncoded(part)) return refuseAnswer('answer_encoded', 'the upstream encoded its answer');
  if (part.endOfStream) return refuseAnswer('answer_missing', 'the answer has no body');
  const [length] = part.headers.get('content-length') ?? [];
  if (length !== undefined && !(LENGTH.test(length) && Number(length) <= maxAnswerBytes))
    return refuseAnswer('answer_too_large', `announced as more than ${maxAnswerBytes} bytes`);
  return undefined;
}

/** `:status`, when there is exactly one that is a status. */
function statusOf({ headers }: ResponseHeaders): number | undefined {
  const [status = '', another] = headers.get(':status') ?? [];
  return another === undefined && STATUS.test(status) ? Number(status) : undefined;
}

function isError(status: number): boolean {
  return status >= 400;
}

/** RFC 9110 §8.4: `identity` is reserved and should not be sent, but it is harmless. */
function isEncoded({ headers }: ResponseHeaders): boolean {
  const encodings = headers.get('content-encoding') ?? [];
  return encodings.some((encoding) => !['', 'identity'].includes(encoding.trim().toLowerCase()));
}
