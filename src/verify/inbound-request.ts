/**
 * A request as Envoy handed it over, copied once into this frozen shape and read from nowhere else.
 * Nothing here has been verified.
 */
import type { LeafCertificate } from '../crypto/authority.js';

/** What we computed over the certificate of the TLS handshake, or a declared hop said of it. */
export interface PeerCertificate {
  /** SHA-256 over the DER, 64 lower-case hex digits; absent where a mesh says a name alone. */
  readonly certificateSha256: string | undefined;
  /** SHA-256 over the DER of the SubjectPublicKeyInfo; absent when only a hash is known. */
  readonly spkiSha256: string | undefined;
  /** The certificate as a bearer of names; absent when only a hash is known. */
  readonly leaf?: LeafCertificate;
  /** The SPIFFE ID that a hop of the mesh says the peer proved. */
  readonly meshId?: string;
}

/** Where `rawHeaders` or `rawBody` is false, Envoy's filter is configured so that we refuse to judge. */
export interface InboundRequest {
  /** `encode_raw_headers: true`: the raw header list is there, the joined map is not. */
  readonly rawHeaders: boolean;
  /** `pack_as_bytes: true`: the text field `body` is empty. */
  readonly rawBody: boolean;
  /** Case as sent; `CONNECT` included. */
  readonly method: string;
  /** Normalised by Envoy, with the query string. */
  readonly path: string;
  /** `:authority`; two `Host` lines arrive joined by a comma. */
  readonly authority: string;
  /** Envoy's `context_extensions.countersign_policy`, set by the operator of Envoy on the route. */
  readonly policyName: string | undefined;
  /**
   * Lower-case name → every value, in order; kept are only the names that a decision reads and those that begin as ours
   * do. A value has one character a byte (Latin-1), so that a pattern sees exactly what was sent and no byte over 0x7e
   * looks like ASCII.
   */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Empty when there was none. */
  readonly body: Uint8Array;
  /** Envoy's own count of the body's bytes; undefined when it gave none. */
  readonly declaredSize: number | undefined;
  readonly peerCertificate: PeerCertificate | 'missing' | 'malformed';
  /** Why there is a body that is not here. */
  readonly absentBody?: string | undefined;
  /** What else in the settings of Envoy's filter keeps us from judging. */
  readonly settingsFault?: string | undefined;
  /** What in them keeps the answer from being signed, should the policy ask for that. */
  readonly signingFault?: string | undefined;
}

const NO_VALUES: readonly string[] = [];

/** Every value sent under a lower-case name; empty when there is none. */
export function headerValues(request: InboundRequest, name: string): readonly string[] {
  return request.headers.get(name) ?? NO_VALUES;
}

/** The names, besides the security headers, that a decision reads. */
export const FIXED_HEADER_NAMES = [
  'content-encoding',
  'content-length',
  'content-type',
  'upgrade',
  'x-envoy-auth-partial-body',
  'x-forwarded-client-cert',
  'x-request-id',
] as const;
