/**
 * The self-test of a key that stays in its source: whether the source has the key that is pinned, and signs with it. A
 * key signs nothing for anybody before it has passed.
 */
import { equalBytes } from '../crypto/bytes.js';
import type { StrictVerifier } from '../crypto/ed25519.js';
import type { PublicKey } from '../crypto/public-key.js';
import type { KeyReference, KeySource, KeySourceAnswer } from './key-source.js';

/** No answer begins so: what is signed here is of no use to anybody (`feedbackSigningInput`). */
const SELF_TEST_MESSAGE = new TextEncoder().encode('countersign self-test of a signing key');

/** What is tested: one key with the public half that it is pinned by. */
export interface PinnedKey {
  /** Names it for logs, records and metrics. */
  readonly kid: string;
  readonly reference: KeyReference;
  readonly publicKey: PublicKey;
}

/** Undefined where the key is right; else why not, in a sentence without subject and without a secret. Never rejects. */
export async function faultOfKey(
  source: Pick<KeySource, 'sign' | 'publicKey'>,
  { reference, publicKey }: PinnedKey,
  verifier: StrictVerifier,
): Promise<string | undefined> {
  const has = await settled(() => source.publicKey(reference));
  if (!has.ok) return has.reason;
  if (!equalBytes(has.bytes, publicKey.raw)) return 'has another public half than the one that is pinned';
  const signed = await settled(() => source.sign(reference, SELF_TEST_MESSAGE));
  if (!signed.ok) return signed.reason;
  return holds(verifier, publicKey, SELF_TEST_MESSAGE, signed.bytes) ? undefined : WRONG_SIGNATURE;
}

/** Said of every signature that does not verify. */
export const WRONG_SIGNATURE = 'gave a signature that does not verify with the pinned key';

/** Whether these are the 64 bytes of a strict signature; whatever else a source gives is none. */
export function holds(
  verifier: StrictVerifier,
  publicKey: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    return verifier.verify(publicKey, message, signature);
  } catch {
    return false;
  }
}

/** What a source says, which has promised never to reject: where it does all the same, that is a fault like another. */
export async function settled(ask: () => Promise<KeySourceAnswer>): Promise<KeySourceAnswer> {
  try {
    return await ask();
  } catch {
    return { ok: false, fault: 'away', reason: 'failed by a defect' };
  }
}
