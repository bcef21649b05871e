/** What is signed, by the headers or by a bundle, and whether one of the identity's own keys signed exactly that. */
import { decodeCanonicalBase64 } from '../../crypto/bytes.js';
import type { StrictVerifier } from '../../crypto/ed25519.js';
import { SIGNATURE_BYTES } from '../../protocol/syntax.js';
import { refuse, type Refusal } from '../refusal.js';
import type { Identity, KeyPurpose, SignedPolicy, VerificationKey } from '../snapshot.js';
import { isValidAt } from '../../protocol/validity-interval.js';
import { roleText, type ContractBody } from './body.js';
import type { SignatureProof } from './security-headers.js';

/** What to verify, with which of an identity's keys. */
interface SignatureQuestion {
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
  let code: 'key_unknown' | 'key_not_valid' | 'signature_invalid' = 'key_unknown';
  for (const key of identity.keys) {
    if (!key.purposes.includes(purpose) || (kid !== undefined && key.kid !== kid)) continue;
    if (!isValidAt(key, nowMs)) {
      if (code === 'key_unknown') code = 'key_not_valid';
      continue;
    }
    if (verifier.verify(key.publicKey, message, signature)) return { kind: 'signed', key };
    code = 'signature_invalid';
  }
  return refuse(code);
}

/** The bytes that were signed: `timestamp` `.` `nonce` `.` body, the body untouched. */
export function signatureBase(proof: SignatureProof, body: Uint8Array): Buffer {
  const prefix = `${proof.timestamp}.${proof.nonce}.`;
  const message = Buffer.allocUnsafe(prefix.length + body.length);
  message.write(prefix, 0, 'latin1');
  message.set(body, prefix.length);
  return message;
}

/** What a bundle says and the signature that it brings; not verified yet. */
interface BundleProof {
  /** UTF-8 of the joined fields. No field contains a `|`: the body contract saw to it. */
  readonly message: Buffer;
  readonly signature: Uint8Array;
  readonly nonce: string;
  readonly timestampSeconds: number;
}

/**
 * Takes the proof out of a body that has met the policy's contract: its signed fields joined by `|`
 * (docs/wire-contract.md#post-internalv1federationverify).
 */
export function bundleProof({ texts, signedTexts }: ContractBody, policy: SignedPolicy): BundleProof {
  const { body } = policy;
  if (body === undefined) throw new Error(`policy ${policy.name} signs in the body but has no body contract`);
  const signature = decodeCanonicalBase64(roleText(body, texts, 'signature') ?? '', SIGNATURE_BYTES);
  if (signature === undefined) throw new Error('a bundle passed its contract without a signature');
  return {
    message: Buffer.from(signedTexts.join('|'), 'utf8'),
    signature,
    nonce: roleText(body, texts, 'nonce') ?? '',
    timestampSeconds: Number(roleText(body, texts, 'timestamp')),
  };
}
