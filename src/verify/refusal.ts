/**
 * Every way to say no: one closed union of codes, and for each the HTTP status, what the client may learn
 * and the sentence for it. The code itself is the audit and metric label; the client sees only `clientCode`.
 */

import type { BodyFault } from './body-fault.js';

/** Codes of the audit log, metrics and dynamic metadata. Grouped in the order of the pipeline. */
export type RefusalCode =
  // what Envoy delivered
  | 'check_malformed'
  | 'upgrade_refused'
  | 'authority_ambiguous'
  // the route
  | 'no_policy'
  | 'path_not_normal'
  | 'method_not_allowed'
  | 'query_not_allowed'
  // transport and certificate
  | 'certificate_missing'
  | 'certificate_malformed'
  | 'certificate_sources_disagree'
  // headers
  | 'header_missing'
  | 'header_duplicate'
  | 'header_malformed'
  | 'certificate_claim_mismatch'
  // identity and pin
  | 'identity_unknown'
  | 'identity_revoked'
  | 'pin_mismatch'
  | 'pin_not_valid'
  // freshness and body
  | 'timestamp_outside_window'
  | 'body_not_whole'
  | 'body_too_large'
  // signature
  | 'key_unknown'
  | 'key_not_valid'
  | 'signature_invalid'
  // body contract
  | 'content_encoding'
  | 'content_type'
  | 'body_not_json'
  | 'body_contract'
  | 'schema_version'
  | 'attestation_malformed'
  | 'body_repeats_other_nonce'
  | 'body_repeats_other_timestamp'
  | 'body_binding_mismatch'
  // authorisation
  | 'operator_unmapped'
  | 'operator_not_of_identity'
  | 'tenant_mismatch'
  | 'attestation_not_allowed'
  // effects
  | 'rate_limited'
  | 'rate_limit_unavailable'
  | 'replayed_nonce'
  | 'nonce_below_floor'
  | 'nonce_store_full'
  | 'nonce_quota_exceeded'
  | 'clock_diverged'
  | 'nonce_store_unavailable'
  | 'execution_store_unavailable'
  | 'deadline_spent'
  | 'audit_unavailable'
  | 'overloaded'
  | 'internal_error';

/** A refusal: its code, and facts for the record. `detail` never holds a secret or unbounded input. */
export interface Refusal {
  readonly kind: 'refuse';
  readonly code: RefusalCode;
  /** A short fact of our own wording: which header, which pointer, which limit. */
  readonly detail?: string;
  /** Where the body is at fault, and how. The client is told once its signature has verified. */
  readonly fault?: BodyFault;
  /** For the `allow` header of a 405 (RFC 9110 §15.5.6); only with `method_not_allowed`. */
  readonly allowedMethods?: readonly string[];
  /** Whole seconds until a retry may pass; only with `rate_limited`. */
  readonly retryAfterSeconds?: number;
  /** Of the copy that was let through; only with `replayed_nonce`. */
  readonly first?: { readonly requestId: string; readonly seenAtMs: number };
}

/** What the wire says for a code. */
export interface RefusalAnswer {
  readonly status: 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 503;
  readonly clientCode: string;
  readonly message: string;
}

const UNAUTHENTICATED: RefusalAnswer = {
  status: 401,
  clientCode: 'unauthenticated',
  message: 'The request could not be authenticated.',
};
const NOT_FOUND: RefusalAnswer = { status: 404, clientCode: 'not_found', message: 'There is nothing here.' };
const TOO_LARGE: RefusalAnswer = {
  status: 413,
  clientCode: 'body_not_accepted',
  message: 'The body is over the limit or did not arrive whole.',
};
const UNAVAILABLE: RefusalAnswer = {
  status: 503,
  clientCode: 'unavailable',
  message: 'No decision could be made. The same request may be sent again.',
};

const bodyAnswer = (clientCode: string, message: string): RefusalAnswer => ({
  status: 422,
  clientCode,
  message,
});
const forbidden = (clientCode: string, message: string): RefusalAnswer => ({
  status: 403,
  clientCode,
  message,
});
const unauthorized = (clientCode: string, message: string): RefusalAnswer => ({
  status: 401,
  clientCode,
  message,
});

/**
 * The answer for each code (docs/wire-contract.md#answers-and-refusals). Everything that can be reached before the signature
 * has verified shares one opaque answer per status, so that it tells no more than the status line.
 */
export function answerFor(code: RefusalCode): RefusalAnswer {
  switch (code) {
    case 'certificate_missing':
    case 'certificate_malformed':
    case 'certificate_sources_disagree':
    case 'header_missing':
    case 'header_duplicate':
    case 'header_malformed':
    case 'certificate_claim_mismatch':
    case 'identity_unknown':
    case 'identity_revoked':
    case 'pin_mismatch':
    case 'pin_not_valid':
    case 'timestamp_outside_window':
    case 'key_unknown':
    case 'key_not_valid':
    case 'signature_invalid':
    case 'authority_ambiguous':
    case 'upgrade_refused':
      return UNAUTHENTICATED;
    case 'no_policy':
    case 'path_not_normal':
    case 'query_not_allowed':
      return NOT_FOUND;
    case 'method_not_allowed':
      return { status: 405, clientCode: 'method_not_allowed', message: 'This method is not served here.' };
    case 'body_not_whole':
    case 'body_too_large':
      return TOO_LARGE;
    case 'content_encoding':
      return {
        status: 415,
        clientCode: 'unsupported_encoding',
        message: 'Send the body without a content encoding.',
      };
    case 'content_type':
      return {
        status: 415,
        clientCode: 'unsupported_media_type',
        message: 'Send the body as application/json.',
      };
    case 'body_not_json':
      return bodyAnswer('invalid_json', 'The body is not acceptable JSON.');
    case 'body_contract':
      return bodyAnswer('invalid_body', 'The body does not meet the contract of this route.');
    case 'schema_version':
      return bodyAnswer('schema_version_not_allowed', 'The schema version is not allowed here.');
    case 'attestation_malformed':
      return bodyAnswer('invalid_attestation', 'The attestation measurement hash is missing or malformed.');
    case 'body_repeats_other_nonce':
    case 'body_repeats_other_timestamp':
      return unauthorized('body_mismatch', 'The body repeats the nonce or the timestamp with another value.');
    case 'body_binding_mismatch':
      return unauthorized('metadata_mismatch', 'The signed metadata differ from the body.');
    case 'operator_unmapped':
    case 'operator_not_of_identity':
    case 'tenant_mismatch':
      return forbidden(
        'operator_not_permitted',
        'The operator may not act for this tenant through this identity.',
      );
    case 'attestation_not_allowed':
      return forbidden(
        'attestation_not_permitted',
        'The attestation measurement is not one of this identity.',
      );
    case 'rate_limited':
      return {
        status: 429,
        clientCode: 'rate_limited',
        message: 'The operator has used up its requests for now.',
      };
    case 'replayed_nonce':
      return { status: 409, clientCode: 'replayed_nonce', message: 'The nonce has been used before.' };
    case 'check_malformed':
    case 'rate_limit_unavailable':
    case 'nonce_below_floor':
    case 'nonce_store_full':
    case 'nonce_quota_exceeded':
    case 'clock_diverged':
    case 'nonce_store_unavailable':
    case 'execution_store_unavailable':
    case 'deadline_spent':
    case 'audit_unavailable':
    case 'overloaded':
    case 'internal_error':
      return UNAVAILABLE;
    default:
      return unreachable(code);
  }
}

function unreachable(code: never): RefusalAnswer {
  throw new Error(`no answer for refusal code ${String(code)}`);
}

/** A refusal for something in the body. */
export function refuseBody(code: RefusalCode, fault: BodyFault, detail?: string): Refusal {
  return { ...refuse(code, detail), fault };
}

/** A refusal with its code and, where it helps the operator, a fact. */
export function refuse(code: RefusalCode, detail?: string): Refusal {
  return detail === undefined ? { kind: 'refuse', code } : { kind: 'refuse', code, detail };
}
