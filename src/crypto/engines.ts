/**
 * The engines of the server. sodium-native is the fast one; node:crypto is there on every platform.
 * Only the equation is theirs: strictness is `ed25519.ts`.
 */
import { createPublicKey, verify as verifyWithNode, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { encodeBase64Url } from './base64.js';
import type { Ed25519Engine } from './ed25519.js';

/** The part of libsodium that we call. It reads typed arrays of any kind, not only Buffers. */
export interface SodiumModule {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
  crypto_hash_sha256(digest: Uint8Array, input: Uint8Array): void;
  /** Not asked for its word alone; see `point-proof.ts`. */
  readonly crypto_core_ed25519_is_valid_point?: (point: Uint8Array) => boolean;
}

function isSodiumModule(candidate: unknown): candidate is SodiumModule {
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    'crypto_sign_verify_detached' in candidate &&
    'crypto_sign_detached' in candidate &&
    'crypto_hash_sha256' in candidate
  );
}

/**
 * Loads sodium-native, or gives `undefined` where it has no binary (musl, unusual processors) or fails to load.
 * A `require` rather than an import, as a static import of a missing binary would stop the process.
 */
export function loadSodium(): SodiumModule | undefined {
  try {
    const loaded: unknown = createRequire(import.meta.url)('sodium-native');
    return isSodiumModule(loaded) ? loaded : undefined;
  } catch {
    return undefined;
  }
}

/** libsodium as an engine: about 16,000 verifications a second of 1 KiB on the reference machine. */
export function createSodiumEngine(sodium: SodiumModule): Ed25519Engine {
  return {
    name: 'sodium-native',
    verify: (signature, message, publicKey) =>
      sodium.crypto_sign_verify_detached(signature, message, publicKey),
  };
}

/** Importing a key costs node:crypto 0.08 ms, more than half a verification: once per loaded key is enough. */
const nodeKeys = new WeakMap<Uint8Array, KeyObject>();

function nodeKeyFor(publicKey: Uint8Array): KeyObject {
  const cached = nodeKeys.get(publicKey);
  if (cached !== undefined) return cached;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(publicKey) };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  nodeKeys.set(publicKey, key);
  return key;
}

/** OpenSSL as an engine: about 8,800 verifications a second, and the faster one for bodies near 1 MiB. */
export const nodeEngine: Ed25519Engine = {
  name: 'node:crypto',
  verify: (signature, message, publicKey) => verifyWithNode(null, message, nodeKeyFor(publicKey), signature),
};

/**
 * The engine of the hot path on this platform. Log its `name` at start: the fallback is slower, not weaker.
 * @param load how sodium-native is loaded; replaced in tests only.
 */
export function selectEngine(load: () => SodiumModule | undefined = loadSodium): Ed25519Engine {
  const sodium = load();
  return sodium === undefined ? nodeEngine : createSodiumEngine(sodium);
}
