/** The headers in which a signed request carries its proof (docs/wire-contract.md#a-signed-request). */
/** Lower-case names of the security headers; configurable, these defaults are docs/wire-contract.md's. */
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
