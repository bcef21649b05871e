/**
 * Sign and strictly verify without any Node built-in: what the client uses, in Node and in a browser.
 * The verdicts are those of the server, since key judgement and signature form are the same code.
 */
import nacl from 'tweetnacl';
import { createStrictVerifier, type StrictVerifier, type VerificationKey } from './ed25519.js';
import { findPointFault, type PointFault } from './edwards-point.js';
import { tweetnaclEngine } from './tweetnacl-engine.js';

/** The strict verifier over tweetnacl: about 10 ms a verification. */
export const portableVerifier: StrictVerifier = createStrictVerifier(tweetnaclEngine);

/** Outcome of loading a public key from its 32 bytes. */
export type PortableKeyResult =
  | { readonly ok: true; readonly key: VerificationKey }
  | { readonly ok: false; readonly fault: 'wrong_length' | PointFault };

/** Judges 32 raw bytes once and copies them; the key may then be used for {@link portableVerifier}. */
export function loadPortablePublicKey(raw: Uint8Array): PortableKeyResult {
  if (raw.length !== 32) return { ok: false, fault: 'wrong_length' };
  const fault = findPointFault(raw);
  return fault === undefined ? { ok: true, key: { raw: Uint8Array.from(raw) } } : { ok: false, fault };
}

/** A private key as tweetnacl wants it. Whoever holds it wipes it: `secret.fill(0)`. */
export interface PortablePrivateKey {
  /** 64 bytes: seed || public key. */
  readonly secret: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/**
 * Derives the key pair of a seed (RFC 8032 §5.1.5).
 * @param seed exactly 32 secret bytes; any other length throws.
 */
export function portableKeyPair(seed: Uint8Array): PortablePrivateKey {
  const { secretKey, publicKey } = nacl.sign.keyPair.fromSeed(seed);
  return { secret: secretKey, publicKey };
}

/** Signs the exact bytes (RFC 8032 §5.1.6): 64 bytes, deterministic, about 5 ms. Throws unless `secret` has 64 bytes. */
export function portableSign(key: Pick<PortablePrivateKey, 'secret'>, message: Uint8Array): Uint8Array {
  return nacl.sign.detached(message, key.secret);
}
