/**
 * SHA-256 (FIPS 180-4) of short inputs on the hot path: libsodium needs half the time of OpenSSL's look-up of an
 * algorithm by name. Both give the same bytes, so which one is there changes nothing but the speed.
 */
import { hash } from 'node:crypto';
import { loadSodium } from './engines.js';

export const SHA256_BYTES = 32;

/** 32 bytes in memory of their own. */
export const sha256: (input: Uint8Array) => Buffer = select();

function select(): (input: Uint8Array) => Buffer {
  const sodium = loadSodium();
  if (sodium === undefined) return (input) => hash('sha256', input, 'buffer');
  return (input) => {
    const digest = Buffer.allocUnsafeSlow(SHA256_BYTES);
    sodium.crypto_hash_sha256(digest, input);
    return digest;
  };
}
