/**
 * The immutable configuration that one request is judged on (docs/security-requirements.md#25).
 * `config/` builds it from the file; nothing in it changes afterwards, a reload swaps the whole.
 */
import type { SecurityHeaderNames } from '../protocol/header-names.js';
import type { CertificateAuthority } from '../crypto/authority.js';
import type { PublicKey } from '../crypto/public-key.js';
import type { FeedbackSettings } from '../feedback/feedback-settings.js';
import type { BodyContract } from './body-contract.js';
import type { RefusalCode } from './refusal.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';

export type { ValidityInterval } from '../protocol/validity-interval.js';

/** One accepted peer certificate: SHA-256 over its DER, or over the DER of its SubjectPublicKeyInfo. */
export interface CertificatePin extends ValidityInterval {
  readonly kind: 'certificate' | 'spki';
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

/** A name that a certificate under an authority may prove: exactly this, byte for byte, a DNS name in lower case. */
export interface CertificateName extends ValidityInterval {
  readonly kind: 'uri' | 'dns';
  readonly name: string;
  /** Of `Snapshot.authorities`. */
  readonly authority: string;
  /** Certificates that became valid earlier do not count; Unix milliseconds. */
  readonly issuedFromMs: number;
}

/** A SPIFFE ID that a declared hop of the mesh may say. */
export interface MeshName extends ValidityInterval {
  readonly name: string;
}

/** What a key may have signed. A key for one purpose never verifies the other (docs/security-requirements.md#3). */
export type KeyPurpose = 'request' | 'bundle';

/** One of an identity's Ed25519 keys, already checked to be canonical and of prime order. */
export interface VerificationKey extends ValidityInterval {
  readonly kid: string;
  readonly purposes: readonly KeyPurpose[];
  readonly publicKey: PublicKey;
  /**
   * The key set that it came with, and the end that stands there; its own `notAfterMs` comes sooner where the set cannot be
   * fetched any more. Absent: it stands in the configuration.
   */
  readonly fetched?: { readonly url: string; readonly notAfterMs: number };
}

/** A service that may call: who it is, how it proves it and for whom it may speak. */
export interface Identity {
  readonly name: string;
  /** Refused at once, whatever it presents. */
  readonly revoked: boolean;
  readonly pins: readonly CertificatePin[];
  /** Weaker than pins. Absent: none. */
  readonly certificateNames?: readonly CertificateName[];
  /** The weakest. Absent: none. */
  readonly meshNames?: readonly MeshName[];
  readonly keys: readonly VerificationKey[];
  /** Absent: any mapped operator (`check-config` warns). */
  readonly operators: ReadonlySet<string> | undefined;
  /** Accepted attestation measurement hashes, 64 lower-case hex digits. Absent: any well-formed one. */
  readonly attestations: ReadonlySet<string> | undefined;
}

/** Everything by which its certificate may be known: pins and names. */
export function proofsOf({
  pins,
  certificateNames = [],
  meshNames = [],
}: Identity): readonly ValidityInterval[] {
  return [...pins, ...certificateNames, ...meshNames];
}

/** The clock window, in seconds either side of now; both ends are inside. */
export interface Freshness {
  readonly pastSkewSeconds: number;
  readonly futureSkewSeconds: number;
}

/** The names by which records, alerts and metrics know a family of requests (docs/wire-contract.md#the-environment-of-another-gateway). */
export interface PolicyEvents {
  readonly accepted: string;
  readonly rejected: string;
}

/** Which requests a policy governs. `exact` compares the whole path; `prefix` its beginning. */
export interface RouteMatch {
  readonly kind: 'exact' | 'prefix';
  readonly path: string;
  /** Upper-case methods; every other is 405. */
  readonly methods: ReadonlySet<string>;
  /** A query string is unsigned; where this is false it is a 404. */
  readonly allowQuery: boolean;
}

/** A signed route that lies under another policy's prefix. */
export interface InnerRoute {
  readonly kind: 'exact' | 'prefix';
  /** From `foldedPath`; of an `exact` route without a `/` at its end. */
  readonly foldedPath: string;
}

interface PolicyBase {
  readonly name: string;
  readonly match: RouteMatch;
  readonly events: PolicyEvents;
  /** Paths that are not in normal form pass too. Absent: they are refused. */
  readonly takesRawPaths?: true;
  /** Signed routes of other policies under this prefix: other spellings of them are refused here. Absent: none. */
  readonly innerRoutes?: readonly InnerRoute[];
}

/** How the caller proves itself: by the signature headers, or by a signature inside the body. */
export interface SignedPolicy extends PolicyBase {
  readonly kind: 'signed';
  /** `headers`: `timestamp.nonce.body`. `bundle`: the body's own signature (docs/wire-contract.md#post-internalv1federationverify). */
  readonly signature: 'headers' | 'bundle';
  readonly freshness: Freshness;
  /** Whether the window is judged and the nonce claimed. Always true for `headers`. */
  readonly once: boolean;
  readonly maxBodyBytes: number;
  /** Absent: the body is bytes that nobody parses. */
  readonly body: BodyContract | undefined;
  /** Absent: no limit. */
  readonly rateLimit: RateLimit | undefined;
  /** What becomes of the upstream's answer. `signed_feedback` only where the body names an operator, and so a tenant. */
  readonly answer: 'as_is' | 'signed_feedback';
  /** Whether an allowed request makes its (execution, attestation) pair known, for adjustments to name. */
  readonly remembersExecution: boolean;
}

/** At most this many allowed requests in any 60 seconds, per operator and group. */
export interface RateLimit {
  readonly group: string;
  readonly perMinute: number;
}

/** A route that is declared to be unchecked, with the reason that its owner gave. */
export interface PassThroughPolicy extends PolicyBase {
  readonly kind: 'pass_through';
  readonly reason: string;
}

export type Policy = SignedPolicy | PassThroughPolicy;

/** Refusals that are reported and let pass, for a time (docs/roll-out.md). */
export interface ReportOnlyEntry {
  /** Unix milliseconds; from this moment on everything is enforced again. */
  readonly untilMs: number;
  readonly reason: string;
  /** Absent: of every policy. */
  readonly policies: ReadonlySet<string> | undefined;
  /** By the name that a request claims. Absent: of everybody. */
  readonly identities: ReadonlySet<string> | undefined;
  /** What is let pass; every other refusal stands. */
  readonly checks: ReadonlySet<RefusalCode>;
}

/**
 * When the `x-forwarded-client-cert` header may be read: never, or from a hop that was declared to set it: the hash of the
 * certificate, or the SPIFFE ID that a mesh gives to the peer.
 */
export type ForwardedCertificate = 'ignore' | 'trusted-hop' | 'mesh-identity';

/** Everything that a decision reads besides the request and the time. */
export interface Snapshot {
  /** Grows by one with every reload; 1 is the configuration of the start. */
  readonly generation: number;
  readonly headers: SecurityHeaderNames;
  readonly forwardedCertificate: ForwardedCertificate;
  readonly identities: ReadonlyMap<string, Identity>;
  /** Under which certificates prove names. Absent: none. */
  readonly authorities?: ReadonlyMap<string, CertificateAuthority>;
  /** Operator id to tenant id, both compared byte for byte. */
  readonly operators: ReadonlyMap<string, string>;
  /** By name, for Envoy's `context_extensions`; in the order of the file, for method and path. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** Absent: no policy signs its answers. */
  readonly feedback: FeedbackSettings | undefined;
  /** Those that had not ended when the file was loaded. Absent: every refusal is enforced. */
  readonly reportOnly?: readonly ReportOnlyEntry[];
}
