/** The key under which a nonce is remembered (docs/security-requirements.md#15). */
import type { PublicKey } from '../crypto/public-key.js';
import { sha256 } from '../crypto/engines.js';
import type { KeyPurpose } from './snapshot.js';

const LENGTH_BYTES = 4;

/**
 * SHA-256 over (purpose, key fingerprint, nonce), each behind its length in four bytes, big-endian. The
 * identity's name, the route and the time are left out on purpose: a nonce is used once per key, whatever they are.
 */
export function nonceKey(purpose: KeyPurpose, key: PublicKey, nonce: string): Buffer {
  const nonceBytes = Buffer.byteLength(nonce);
  const input = Buffer.allocUnsafe(
    3 * LENGTH_BYTES + purpose.length + key.fingerprintBytes.length + nonceBytes,
  );
  let at = input.writeUInt32BE(purpose.length, 0);
  at += input.write(purpose, at, 'latin1');
  at = input.writeUInt32BE(key.fingerprintBytes.length, at);
  at += key.fingerprintBytes.copy(input, at);
  at = input.writeUInt32BE(nonceBytes, at);
  input.write(nonce, at, 'utf8');
  return sha256(input);
}
