/** Whether one of the identity's own keys, meant for this and valid now, signed exactly these bytes. */
import type { StrictVerifier } from '../../crypto/ed25519.js';
import { refuse, type Refusal } from '../refusal.js';
import type { Identity, KeyPurpose, VerificationKey } from '../snapshot.js';
import { isValidAt } from '../../protocol/validity-interval.js';

/** What to verify, with which of an identity's keys. */
export interface SignatureQuestion {
  readonly identity: Identity;
  readonly purpose: KeyPurpose;
  /** Exact match when given; otherwise every key of the identity that is valid now. */
  readonly kid: string | undefined;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** The algorithm is the pinned key's, Ed25519; nothing in the message chooses it (docs/security-requirements.md#1, #3). */
export function checkSignature(
  question: SignatureQuestion,
  verifier: StrictVerifier,
  nowMs: number,
): { readonly kind: 'signed'; readonly key: VerificationKey } | Refusal {
  const { identity, purpose, kid, message, signature } = question;
  const meant = identity.keys.filter(
    (key) => key.purposes.includes(purpose) && (kid === undefined || key.kid === kid),
  );
  if (meant.length === 0) return refuse('key_unknown');
  const valid = meant.filter((key) => isValidAt(key, nowMs));
  if (valid.length === 0) return refuse('key_not_valid');
  const key = valid.find((candidate) => verifier.verify(candidate.publicKey, message, signature));
  return key === undefined ? refuse('signature_invalid') : { kind: 'signed', key };
}
