/** What the pipeline says in the end, and the facts that it had established when it said so. */
import type { PublicKey } from '../crypto/public-key.js';
import type { Refusal } from './refusal.js';
import type { Policy } from './snapshot.js';

/** Everything that was verified. Only an allow carries it to the upstream. */
export interface VerifiedContext {
  readonly identity: string;
  readonly kid: string;
  readonly publicKey: PublicKey;
  /** 64 lower-case hex digits, over the DER that Envoy saw. */
  readonly certificateSha256: string;
  readonly tenant: string | undefined;
  readonly operator: string | undefined;
  readonly attestation: string | undefined;
  readonly execution: string | undefined;
}

/** Facts for the record, filled as far as the pipeline came. What was not verified is named `claimed`. */
export interface DecisionFacts {
  policy: Policy | undefined;
  /** As the caller wrote it; verified only when the pin matched (`certificateSha256` belongs to it). */
  claimedIdentity: string | undefined;
  kid: string | undefined;
  certificateSha256: string | undefined;
  operator: string | undefined;
  tenant: string | undefined;
  attestation: string | undefined;
  execution: string | undefined;
  nonce: string | undefined;
}

/** The request may pass. `context` is absent on a pass-through route, where nothing was verified. */
export interface Allow {
  readonly kind: 'allow';
  readonly context: VerifiedContext | undefined;
}

export type Decision = Allow | Refusal;
