/**
 * The engines of the server: ed25519-dalek where it was built, else sodium-native, else node:crypto, which is there on
 * every platform. Only the arithmetic is theirs: strictness is `ed25519.ts`.
 */
import { createPublicKey, hash, verify as verifyWithNode, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { bytesFromHex, encodeBase64Url } from './bytes.js';
import { createStrictVerifier, type Ed25519Engine, type StrictVerifier } from './ed25519.js';
import type { PointCheck } from './key-text.js';
import { SOUND_POINT, UNSOUND_POINTS } from './known-answers.js';
import { chooseNative, type NativeChoice } from './native-engine.js';
import { unpooledCopy } from './unpooled-copy.js';

/** The part of libsodium that we call. It reads typed arrays of any kind, not only Buffers. */
export interface SodiumModule {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
  crypto_hash_sha256(digest: Uint8Array, input: Uint8Array): void;
  /** Not asked for its word alone; see {@link selectPointCheck}. */
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

/** An engine, and what deserves a look about it. */
export interface EngineChoice {
  readonly engine: Ed25519Engine;
  /** For log and readiness: a slower engine than there could be, never a weaker one. */
  readonly notes: readonly string[];
}

/** The fastest engine that works here. @param load, @param choose how the two that may lack are found; replaced in tests only. */
export function chooseEngine(
  load: () => SodiumModule | undefined = loadSodium,
  choose: () => NativeChoice = chooseNative,
): EngineChoice {
  const native = choose();
  if (native.engine !== undefined) return { engine: native.engine, notes: [] };
  const notes = native.fault === undefined ? [] : [`the engine of native/ is not used: it ${native.fault}`];
  const sodium = load();
  if (sodium !== undefined) return { engine: createSodiumEngine(sodium), notes };
  return { engine: nodeEngine, notes: [...notes, SLOWEST] };
}

const SLOWEST =
  'node:crypto verifies signatures, two to three times as slow as sodium-native, which does not load on this platform';

let chosen: EngineChoice | undefined;

/** {@link chooseEngine}, once for the process. */
export function engineInUse(): EngineChoice {
  chosen ??= chooseEngine();
  return chosen;
}

/** The engine of the hot path. */
export function selectEngine(): Ed25519Engine {
  return engineInUse().engine;
}

/** The strict verifier of this platform; its verdicts are those of the portable one, some hundred times as fast. */
export function fastVerifier(): StrictVerifier {
  return createStrictVerifier(selectEngine());
}

const SHA256_BYTES = 32;

let selectedSha256: ((input: Uint8Array) => Buffer) | undefined;

/**
 * SHA-256 (FIPS 180-4) of short inputs on the hot path: 32 bytes in memory of their own. libsodium needs half the time
 * of OpenSSL's look-up of an algorithm by name. Both give the same bytes.
 */
export function sha256(input: Uint8Array): Buffer {
  selectedSha256 ??= selectSha256();
  return selectedSha256(input);
}

function selectSha256(): (input: Uint8Array) => Buffer {
  const sodium = loadSodium();
  if (sodium === undefined) return (input) => hash('sha256', input, 'buffer');
  // What a native function has seen lies outside of V8's heap from then on, and costs more to free than to copy.
  const seen = Buffer.alloc(SHA256_BYTES);
  return (input) => {
    sodium.crypto_hash_sha256(seen, input);
    return unpooledCopy(seen);
  };
}

/*
 * A fast check that a key is a canonical point of prime order: libsodium's, where it loads and says the right thing of
 * points that every shortcut gets wrong. Releases of libsodium until 2025 took a point of order 2L for one of order L
 * (CVE-2025-69277), so it is asked about one of each kind first. Whatever does not pass is judged by `edwards-point.ts`,
 * which also names the fault; so a verdict never depends on the engine, only its speed: 0.04 ms for a sound key instead
 * of 1 ms.
 */

const nothingPasses: PointCheck = () => false;

/** The check of this platform. @param load how sodium-native is loaded; replaced in tests only. */
export function selectPointCheck(load: () => SodiumModule | undefined = loadSodium): PointCheck {
  const isValid = load()?.crypto_core_ed25519_is_valid_point;
  if (isValid === undefined) return nothingPasses;
  const check: PointCheck = (encoded) => isValid(encoded);
  const isTrusted =
    check(bytesFromHex(SOUND_POINT)) && !UNSOUND_POINTS.some((point) => check(bytesFromHex(point)));
  return isTrusted ? check : nothingPasses;
}

let selected: PointCheck | undefined;

/** {@link selectPointCheck}, chosen when it is first asked for. */
export function passesPointCheck(encoded: Uint8Array): boolean {
  selected ??= selectPointCheck();
  return selected(encoded);
}
