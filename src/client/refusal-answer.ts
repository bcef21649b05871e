/** Reading the gateway's refusal (docs/wire-contract.md#answers-and-refusals). What it says is a claim of the server, no more. */
import { DECISION_HEADER } from '../protocol/header-names.js';

/** A refusal as the client is told it. Every text is the server's: escape it before showing it. */
export interface RefusalDetails {
  readonly requestId: string | undefined;
  /** Such as `unauthenticated` (opaque on purpose before the signature has verified) or `replayed_nonce`. */
  readonly code: string;
  readonly message: string | undefined;
  /** Where the body is at fault (RFC 6901) and how, such as `missing`; told once the signature has verified. */
  readonly pointer: string | undefined;
  readonly problem: string | undefined;
  /** With a 409: the copy of this request that was let through, and when (Unix seconds). */
  readonly firstRequestId: string | undefined;
  readonly firstSeenAtSeconds: number | undefined;
  /** With a 409, once it is known: the HTTP status that this copy was answered with. */
  readonly firstStatus: number | undefined;
}

/** The first error of a refusal body; `undefined` when the body is none of the gateway's refusals. Never throws. */
export function parseRefusal(body: Uint8Array): RefusalDetails | undefined {
  const root = parseJson(body);
  const errors = member(root, 'errors');
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const code = text(member(first, 'code'));
  if (code === undefined) return undefined;
  return {
    requestId: text(member(root, 'request_id')),
    code,
    message: text(member(first, 'message')),
    pointer: text(member(first, 'pointer')),
    problem: text(member(first, 'problem')),
    firstRequestId: text(member(first, 'first_request_id')),
    firstSeenAtSeconds: seconds(member(first, 'first_seen_at')),
    firstStatus: statusCode(member(first, 'first_status')),
  };
}

/**
 * What had been decided about a request when it was answered: `refused` by the verifier; `undecided`, the gateway
 * refused it, and the verifier was not asked or gave no decision; `let_through`, and then the gateway answered in place of the application,
 * which may have got the request or not; `unknown`, the answer is the application's own, or of another proxy.
 */
export type AnswerDecision = 'refused' | 'undecided' | 'let_through' | 'unknown';

const DECISIONS: ReadonlyMap<string, AnswerDecision> = new Map([
  ['refuse', 'refused'],
  ['none', 'undecided'],
  ['allow', 'let_through'],
  ['pass_through', 'let_through'],
]);

/**
 * Who answered, by the header that a gateway of ours sets and no application can. Only after `refused` and `undecided` is
 * it certain that this copy was not let through; whether the same bytes then help is for {@link retryAdvice} to say.
 */
export function answerDecision(headers: ReadonlyMap<string, string>): AnswerDecision {
  return DECISIONS.get(headers.get(DECISION_HEADER) ?? '') ?? 'unknown';
}

/**
 * What sending the same bytes again (nonce included) leads to: `retry`, they were not let through and may be now; `final`,
 * they were not let through and would be answered alike, so that another request is needed; `uncertain`, they may have
 * been delivered: where a nonce is claimed they are safe to send, get a 409 if they may have been, and are let in if it is
 * known that they were not, about a tenth of a second after the answer (a route that passes through and a bundle claim none, and may do the
 * thing twice). Where they help at all they do so while their timestamp is inside the gateway's window: wait some tenths of a second, then longer.
 */
export type RetryAdvice = 'retry' | 'final' | 'uncertain';

/** Statuses below 500 that speak of the moment and not of the request: it came too slowly, or there were too many. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 429]);

/** The last column of the tables of docs/wire-contract.md#answers-and-refusals, for an answer that is no success. */
export function retryAdvice(status: number, decision: AnswerDecision): RetryAdvice {
  if (decision === 'let_through' || decision === 'unknown') return 'uncertain';
  return mayPass(status) ? 'retry' : 'final';
}

/** Whether a status is about the moment, so that the same request may be answered otherwise later. */
export function mayPass(status: number): boolean {
  return status >= 500 || PASSING_STATUSES.has(status);
}

const RETRY_AFTER = /^(?:0|[1-9][0-9]{0,5})$/;

/** Whole seconds of a `Retry-After` header (RFC 9110 §10.2.3); its date form, which we never send, is not read. */
export function parseRetryAfter(value: string | undefined): number | undefined {
  return value !== undefined && RETRY_AFTER.test(value) ? Number(value) : undefined;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** RFC 9110 §15. */
function statusCode(value: unknown): number | undefined {
  const code = seconds(value);
  return code !== undefined && code >= 100 && code <= 599 ? code : undefined;
}

function seconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
