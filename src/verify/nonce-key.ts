/** The key under which a nonce is remembered (docs/security-requirements.md#15). */
import type { PublicKey } from '../crypto/public-key.js';
import { sha256 } from '../crypto/engines.js';
import type { KeyPurpose } from './snapshot.js';

const LENGTH_BYTES = 4;

/** What the input begins with: the purpose behind its length. */
const HEADS: Readonly<Record<KeyPurpose, Buffer>> = { request: headOf('request'), bundle: headOf('bundle') };

function headOf(purpose: KeyPurpose): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES + purpose.length);
  head.writeUInt32BE(purpose.length);
  head.write(purpose, LENGTH_BYTES, 'latin1');
  return head;
}

/**
 * SHA-256 over (purpose, key fingerprint, nonce), each behind its length in four bytes, big-endian. The
 * identity's name, the route and the time are left out on purpose: a nonce is used once per key, whatever they are.
 */
export function nonceKey(purpose: KeyPurpose, key: PublicKey, nonce: string): Buffer {
  const head = HEADS[purpose];
  const { fingerprintBytes } = key;
  const nonceBytes = Buffer.byteLength(nonce);
  const input = Buffer.allocUnsafe(head.length + 2 * LENGTH_BYTES + fingerprintBytes.length + nonceBytes);
  input.set(head);
  let at = input.writeUInt32BE(fingerprintBytes.length, head.length);
  input.set(fingerprintBytes, at);
  at = input.writeUInt32BE(nonceBytes, at + fingerprintBytes.length);
  input.write(nonce, at, nonceBytes === nonce.length ? 'latin1' : 'utf8');
  return sha256(input);
}
