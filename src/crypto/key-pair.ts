/** A private key in memory: made from its seed, hidden from printers, wiped on request. */
import nacl from 'tweetnacl';
import { judgePublicKey, restorePublicKey, type PublicKey } from './public-key.js';

/** An Ed25519 private key with its judged public half. */
export interface PrivateKey {
  readonly publicKey: PublicKey;
  /** 64 secret bytes: seed || public key. Not enumerable, so that loggers and inspectors pass over it. */
  readonly secret: Uint8Array;
}

/**
 * Derives the key pair of a seed (RFC 8032 §5.1.5). The seed is copied; the caller wipes its own.
 * @param seed exactly 32 bytes from a cryptographic source of randomness; any other length throws.
 */
export function generateKeyPair(seed: Uint8Array): PrivateKey {
  const { secretKey } = nacl.sign.keyPair.fromSeed(seed);
  const parsed = judgePublicKey(secretKey.subarray(32));
  if (!parsed.ok) throw new Error('a derived public key is always of prime order');
  return hide(secretKey, parsed.key);
}

/**
 * The key pair of another thread or process of this verifier, which derived it from its seed: nothing is judged here.
 * @param secret its 64 bytes, seed || public key; they are copied, and the caller wipes its own.
 */
export function restoreKeyPair(secret: Uint8Array): PrivateKey {
  return hide(Uint8Array.from(secret), restorePublicKey(secret.subarray(32)));
}

function hide(secret: Uint8Array, publicKey: PublicKey): PrivateKey {
  const visible = { publicKey, toJSON: () => ({ publicKey: publicKey.fingerprint }) };
  return Object.freeze(
    Object.defineProperty(visible, 'secret', { value: secret }) as typeof visible & PrivateKey,
  );
}

/**
 * Overwrites the secret bytes. Signing with the key throws from then on.
 * Copies that a runtime or an engine has made (a string that was parsed, an OpenSSL key object) are beyond reach.
 */
export function zeroize(key: PrivateKey): void {
  key.secret.fill(0);
}
