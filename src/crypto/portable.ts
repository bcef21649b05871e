/**
 * Sign and strictly verify without any Node built-in: what the client uses, in Node and in a browser.
 * The verdicts are those of the server, since the reader of keys and the form of signatures are the same code.
 */
import nacl from 'tweetnacl';
import { createStrictVerifier, type Ed25519Engine, type StrictVerifier } from './ed25519.js';

/**
 * tweetnacl as an engine: pure JavaScript, about 100 verifications a second. It takes S ≥ L and odd keys when asked
 * directly; the strict checks before it do not.
 * In use where nothing faster is (client, browser) and as the second opinion of the start-up self-test.
 */
export const tweetnaclEngine: Ed25519Engine = {
  name: 'tweetnacl',
  verify: (signature, message, publicKey) => nacl.sign.detached.verify(message, signature, publicKey),
};

/** The strict verifier over tweetnacl: about 10 ms a verification. */
export const portableVerifier: StrictVerifier = createStrictVerifier(tweetnaclEngine);

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
