/** What the pipeline has established about a request: for the upstream when it may pass, for the record always. */
import type { Policy } from './snapshot.js';

/**
 * What the identity rests on, from the strongest to the weakest: the pin of its certificate, the pin of its key, a name in
 * a certificate under a declared authority, or the word of the mesh (docs/certificates.md#what-each-is-worth).
 */
export type Assurance = 'certificate_pin' | 'key_pin' | 'name_under_authority' | 'mesh_identity';

/** Everything that was verified. Only an allow carries it to the upstream. */
export interface VerifiedContext {
  readonly identity: string;
  readonly kid: string;
  readonly assurance: Assurance;
  /** 64 lower-case hex digits, over the DER that Envoy saw; unknown where a mesh says a name alone. */
  readonly certificateSha256: string | undefined;
  readonly tenant: string | undefined;
  readonly operator: string | undefined;
  readonly attestation: string | undefined;
  readonly execution: string | undefined;
}

/** What is told of a caller, as far as it is established; which execution is meant is of the request. */
export type CallerFacts = {
  readonly [Name in Exclude<keyof VerifiedContext, 'execution'>]?: VerifiedContext[Name] | undefined;
};

/** Whether the same is told in both. */
export function isSameCaller(one: CallerFacts, other: CallerFacts): boolean {
  return (
    one.identity === other.identity &&
    one.kid === other.kid &&
    one.assurance === other.assurance &&
    one.certificateSha256 === other.certificateSha256 &&
    one.tenant === other.tenant &&
    one.operator === other.operator &&
    one.attestation === other.attestation
  );
}

/** Facts for the record, filled as far as the pipeline came. What was not verified is named `claimed`. */
export interface DecisionFacts {
  policy: Policy | undefined;
  /** As the caller wrote it, of the header's syntax. */
  claimedIdentity: string | undefined;
  /** Set only once the certificate is shown to be its own. */
  identity: string | undefined;
  /** Set with `identity`. */
  assurance: Assurance | undefined;
  /** As the caller named it, of the header's syntax; undefined when it named none. */
  claimedKid: string | undefined;
  /** Of the key that verified the signature. */
  kid: string | undefined;
  /**
   * The timestamp minus our clock, in whole seconds: negative is the past. Set where a window is judged, as soon as
   * the timestamp was read, so before the signature has verified.
   */
  skewSeconds: number | undefined;
  certificateSha256: string | undefined;
  operator: string | undefined;
  tenant: string | undefined;
  attestation: string | undefined;
  execution: string | undefined;
  /** The store's key of the nonce: a hash. */
  nonceHash: Buffer | undefined;
}

/** Facts of a request of which nothing is known yet. */
export function noFacts(): DecisionFacts {
  return {
    policy: undefined,
    claimedIdentity: undefined,
    identity: undefined,
    assurance: undefined,
    claimedKid: undefined,
    kid: undefined,
    skewSeconds: undefined,
    certificateSha256: undefined,
    operator: undefined,
    tenant: undefined,
    attestation: undefined,
    execution: undefined,
    nonceHash: undefined,
  };
}
