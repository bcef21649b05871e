/**
 * Every way to say no: one table of codes, and for each the HTTP status, what the client may learn and the sentence for
 * it. The code itself is the label of records and metrics; the client sees only `clientCode`.
 */
import type { JsonFault } from '../json/faults.js';

/** What the wire says for a code. */
interface RefusalAnswer {
  readonly status: 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 503;
  readonly clientCode: string;
  readonly message: string;
}

const answer = (status: RefusalAnswer['status'], clientCode: string, message: string): RefusalAnswer => ({
  status,
  clientCode,
  message,
});

const UNAUTHENTICATED = answer(401, 'unauthenticated', 'The request could not be authenticated.');
const NOT_FOUND = answer(404, 'not_found', 'There is nothing here.');
const TOO_LARGE = answer(413, 'body_not_accepted', 'The body is over the limit or did not arrive whole.');
const REPEATED_WRONG = answer(
  401,
  'body_mismatch',
  'The body repeats the nonce or the timestamp with another value.',
);
const OPERATOR = answer(
  403,
  'operator_not_permitted',
  'The operator may not act for this tenant through this identity.',
);
const UNAVAILABLE = answer(
  503,
  'unavailable',
  'No decision could be made. The same request may be sent again.',
);

/**
 * The answer for each code (docs/wire-contract.md#answers-and-refusals), in the order of the pipeline. Everything that
 * can be reached before the signature has verified shares one opaque answer per status, so that it tells no more than
 * the status line.
 */
const ANSWERS = {
  // what Envoy delivered
  check_malformed: UNAVAILABLE,
  upgrade_refused: UNAUTHENTICATED,
  authority_ambiguous: UNAUTHENTICATED,
  // the route
  no_policy: NOT_FOUND,
  path_not_normal: NOT_FOUND,
  method_not_allowed: answer(405, 'method_not_allowed', 'This method is not served here.'),
  query_not_allowed: NOT_FOUND,
  // transport and certificate
  certificate_missing: UNAUTHENTICATED,
  certificate_malformed: UNAUTHENTICATED,
  certificate_sources_disagree: UNAUTHENTICATED,
  // headers
  header_missing: UNAUTHENTICATED,
  header_duplicate: UNAUTHENTICATED,
  header_malformed: UNAUTHENTICATED,
  certificate_claim_mismatch: UNAUTHENTICATED,
  // identity and pin
  identity_unknown: UNAUTHENTICATED,
  identity_revoked: UNAUTHENTICATED,
  pin_mismatch: UNAUTHENTICATED,
  pin_not_valid: UNAUTHENTICATED,
  certificate_details_missing: UNAUTHENTICATED,
  certificate_name_mismatch: UNAUTHENTICATED,
  certificate_name_not_valid: UNAUTHENTICATED,
  certificate_untrusted: UNAUTHENTICATED,
  // freshness and body
  timestamp_outside_window: UNAUTHENTICATED,
  body_not_whole: TOO_LARGE,
  body_too_large: TOO_LARGE,
  // signature
  key_unknown: UNAUTHENTICATED,
  key_not_valid: UNAUTHENTICATED,
  signature_invalid: UNAUTHENTICATED,
  // body contract
  content_encoding: answer(415, 'unsupported_encoding', 'Send the body without a content encoding.'),
  content_type: answer(415, 'unsupported_media_type', 'Send the body as application/json.'),
  body_not_json: answer(422, 'invalid_json', 'The body is not acceptable JSON.'),
  body_contract: answer(422, 'invalid_body', 'The body does not meet the contract of this route.'),
  schema_version: answer(422, 'schema_version_not_allowed', 'The schema version is not allowed here.'),
  attestation_malformed: answer(
    422,
    'invalid_attestation',
    'The attestation measurement hash is missing or malformed.',
  ),
  body_repeats_other_nonce: REPEATED_WRONG,
  body_repeats_other_timestamp: REPEATED_WRONG,
  body_binding_mismatch: answer(401, 'metadata_mismatch', 'The signed metadata differ from the body.'),
  // authorisation
  operator_unmapped: OPERATOR,
  operator_not_of_identity: OPERATOR,
  tenant_mismatch: OPERATOR,
  attestation_not_allowed: answer(
    403,
    'attestation_not_permitted',
    'The attestation measurement is not one of this identity.',
  ),
  // effects
  rate_limited: answer(429, 'rate_limited', 'The operator has used up its requests for now.'),
  rate_limit_unavailable: UNAVAILABLE,
  replayed_nonce: answer(409, 'replayed_nonce', 'The nonce has been used before.'),
  nonce_below_floor: UNAVAILABLE,
  nonce_store_full: UNAVAILABLE,
  nonce_quota_exceeded: UNAVAILABLE,
  clock_diverged: UNAVAILABLE,
  nonce_store_unavailable: UNAVAILABLE,
  execution_store_unavailable: UNAVAILABLE,
  deadline_spent: UNAVAILABLE,
  audit_unavailable: UNAVAILABLE,
  overloaded: UNAVAILABLE,
  internal_error: UNAVAILABLE,
} satisfies Readonly<Record<string, RefusalAnswer>>;

/** Codes of the audit log, metrics and dynamic metadata: those of the table, so none is without an answer. */
export type RefusalCode = keyof typeof ANSWERS;

/** All of them, in the table's order. */
export const REFUSAL_CODES = Object.keys(ANSWERS) as readonly RefusalCode[];

/** What the wire says for a code. */
export function answerFor(code: RefusalCode): RefusalAnswer {
  if (!Object.hasOwn(ANSWERS, code)) throw new Error(`no answer for refusal code ${code as string}`);
  return ANSWERS[code];
}

/** What a member is, or what makes the whole body no acceptable JSON. */
export type BodyProblem =
  | 'missing'
  /** Another JSON type; a float where an integer belongs. */
  | 'wrong_type'
  /** Of the right type, but not of the syntax, the length or the bounds. */
  | 'malformed'
  /** A closed object has a member that the contract does not know. */
  | 'undeclared_member'
  /** Well formed, but not on the list that applies. */
  | 'not_allowed'
  /** Not the value that it repeats. */
  | 'mismatch'
  | JsonFault;

/** What is wrong with a body that is not accepted. Nothing in it is the sender's text. */
export interface BodyFault {
  readonly problem: BodyProblem;
  /** RFC 6901, of the contract; with `undeclared_member` that of the object, the whole body being ''. */
  readonly pointer?: string;
  /** Byte offset in the body, where it is no acceptable JSON. */
  readonly offset?: number;
}

/** A setting of the configuration that a request has exceeded, and its value, so that a record says what to look at. */
export interface ExceededLimit {
  readonly name:
    | 'freshness.pastSkewSeconds'
    | 'freshness.futureSkewSeconds'
    | 'maxBodyBytes'
    | 'rateLimit.perMinute'
    | 'nonces.maxEntries'
    | 'nonces.maxEntriesPerIdentity';
  readonly value: number;
}

/** A refusal: its code, and facts for the record. `detail` never holds a secret or unbounded input. */
export interface Refusal {
  readonly kind: 'refuse';
  readonly code: RefusalCode;
  /** A short fact of our own wording: which header, which pointer, which limit. */
  readonly detail?: string;
  /** Only of a refusal for one that a setting states. */
  readonly limit?: ExceededLimit;
  /** Where the body is at fault, and how. The client is told once its signature has verified. */
  readonly fault?: BodyFault;
  /** For the `allow` header of a 405 (RFC 9110 §15.5.6); only with `method_not_allowed`. */
  readonly allowedMethods?: readonly string[];
  /** Whole seconds until a retry may pass; only with `rate_limited`. */
  readonly retryAfterSeconds?: number;
  /** Report-only would have let this pass, but not that as well. */
  readonly notTolerated?: RefusalCode;
  /** Of the copy that was let through; only with `replayed_nonce`. */
  readonly first?: {
    readonly requestId: string;
    readonly seenAtMs: number;
    /** HTTP status of the answer to its client; absent while that is not known, and where there was none. */
    readonly status?: number;
  };
}

/** A refusal for something in the body. */
export function refuseBody(code: RefusalCode, fault: BodyFault, detail?: string): Refusal {
  return { ...refuse(code, detail), fault };
}

/** A refusal with its code and, where it helps the operator, a fact. */
export function refuse(code: RefusalCode, detail?: string): Refusal {
  return detail === undefined ? { kind: 'refuse', code } : { kind: 'refuse', code, detail };
}
