/** The names of headers: those of a signed request, and those that only the verifier may set. */

/** Lower-case names of the security headers; configurable (docs/wire-contract.md#a-signed-request). */
export interface SecurityHeaderNames {
  readonly identity: string;
  readonly certificateSha256: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly signature: string;
  readonly kid: string;
}

/** The names of docs/wire-contract.md. A gateway may be configured with others; then pass those to `signRequest`. */
export const DEFAULT_HEADER_NAMES: SecurityHeaderNames = {
  identity: 'x-service-identity',
  certificateSha256: 'x-client-cert-sha256',
  timestamp: 'x-telemetry-timestamp',
  nonce: 'x-telemetry-nonce',
  signature: 'x-telemetry-signature',
  kid: 'x-telemetry-kid',
};

/** The prefix of every header that only the verifier may set (docs/wire-contract.md#what-the-application-receives). */
export const OUR_HEADER_PREFIX = 'x-countersign-';

/** Those that it sets on an allow, where they have a value (docs/wire-contract.md#what-the-application-receives). */
export const VERIFIED_HEADERS = [
  'x-countersign-identity',
  'x-countersign-assurance',
  'x-countersign-kid',
  'x-countersign-cert-sha256',
  'x-countersign-tenant',
  'x-countersign-operator',
  'x-countersign-attestation',
  'x-countersign-policy',
  'x-countersign-request-id',
] as const;

/**
 * On a request that would be refused and goes on, as report-only says: the code of the refusal. Removed from every
 * other request, so that no client can set it.
 */
export const WOULD_REFUSE_HEADER = 'x-countersign-would-refuse';

/** A header of answers: what had been decided about the request. No application can set it (docs/cli.md, *What a 503 means*). */
export const DECISION_HEADER = 'countersign-decision';

/** On a signed answer whose key lives in memory: the document in which a root key vouches for it (docs/feedback.md#delegated-keys). */
export const KEYRING_HEADER = 'x-countersign-keyring';
