/** The headers in which a signed request carries its proof (wire contract, section 1). */
/** Lower-case names of the security headers; configurable, these defaults are the wire contract's. */
export interface SecurityHeaderNames {
  readonly identity: string;
  readonly certificateSha256: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly signature: string;
  readonly kid: string;
}

/** The names of the wire contract. A gateway may be configured with others; then pass those to `signRequest`. */
export const DEFAULT_HEADER_NAMES: SecurityHeaderNames = {
  identity: 'x-service-identity',
  certificateSha256: 'x-client-cert-sha256',
  timestamp: 'x-telemetry-timestamp',
  nonce: 'x-telemetry-nonce',
  signature: 'x-telemetry-signature',
  kid: 'x-telemetry-kid',
};
