/** The signed string of a federation bundle: its fields joined by `|` (docs/wire-contract.md#post-internalv1federationverify). */
import { decodeCanonicalBase64 } from '../crypto/bytes.js';
import { roleText, type ContractBody } from './checks/body.js';
import type { SignedPolicy } from './snapshot.js';

const SIGNATURE_BYTES = 64;

/** What a bundle says and the signature that it brings; not verified yet. */
export interface BundleProof {
  /** UTF-8 of the joined fields. No field contains a `|`: the body contract saw to it. */
  readonly message: Buffer;
  readonly signature: Uint8Array;
  readonly nonce: string;
  readonly timestampSeconds: number;
}

/** Takes the proof out of a body that has met the policy's contract. */
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
