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
  };
}

/**
 * What had been decided about a request when it was answered: `refused` by the verifier; `undecided`, the gateway
 * refused it before the verifier had spoken; `let_through`, and then the gateway answered in place of the application,
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
 * Who answered, by the header that a gateway of ours sets and no application can. Only after `refused` and
 * `undecided` is it certain that this copy was not let through, so that the same bytes may be sent again.
 */
export function answerDecision(headers: ReadonlyMap<string, string>): AnswerDecision {
  return DECISIONS.get(headers.get(DECISION_HEADER) ?? '') ?? 'unknown';
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

function seconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
