/**
 * Strict Ed25519 (docs/security-requirements.md#2): one verdict, whatever engine and runtime are beneath.
 *
 * The key was judged when it was loaded (`key-text.ts`), the form of the signature is judged here, and the engine only
 * evaluates the cofactorless equation S·B = R + k·A of RFC 8032 §5.1.7.
 * Runs anywhere: no Node built-in and no Buffer.
 */
import { bytesFromHex } from './bytes.js';

/** Something that evaluates the equation. What else it checks, or forgets, does not change our verdict. */
export interface Ed25519Engine {
  /** For logs, metrics and the self-test: `sodium-native`, `node:crypto`, `tweetnacl`. */
  readonly name: string;
  /**
   * @param signature 64 bytes of strict form.
   * @param message the exact bytes that were signed.
   * @param publicKey 32 bytes of a judged key. Engines may cache by the identity of this array.
   */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

/** The part of a key that verification needs. Only ever made by a parser that has judged the point. */
export interface VerificationKey {
  /** The 32 bytes of RFC 8032 §5.1.5, never changed after loading. */
  readonly raw: Uint8Array;
}

/** Verifies signatures under judged keys. */
export interface StrictVerifier {
  /** Name of the engine beneath. */
  readonly engineName: string;
  /**
   * Whether `signature` is the strict Ed25519 signature of `message` under `key`.
   * Never throws on what an attacker sends: any length and content of signature and message is a plain `false`.
   */
  verify(key: VerificationKey, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Puts the strict form check before an engine. */
export function createStrictVerifier(engine: Ed25519Engine): StrictVerifier {
  return {
    engineName: engine.name,
    verify: (key, message, signature) =>
      hasStrictForm(signature) && engine.verify(signature, message, key.raw),
  };
}

/*
 * What a signature must be before the equation is asked: the strict form, the same on every engine. Byte compares
 * alone, as this runs for every request, proven or not.
 */

/** Length of an Ed25519 signature R || S (RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64;

/** The group order L, little-endian: 2^252 + 27742317777372353535851937790883648493. */
const GROUP_ORDER = bytesFromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/**
 * The y of every point whose order divides 8: 0 (order 4), 1 (the identity), p-1 (order 2) and the two of order 8.
 * The sign of x is not looked at: with either sign these are of small order, or no canonical encoding at all.
 */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(bytesFromHex);

/** Whether S < L, so that S + L is not a second signature of the same message (RFC 8032 §5.1.7, §8.4). */
function hasReducedScalar(signature: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const digit = signature[32 + i] ?? 0;
    const limit = GROUP_ORDER[i] ?? 0;
    if (digit !== limit) return digit < limit;
  }
  return false;
}

/** Whether R's y is below p = 2^255 - 19 (`ed ff … ff 7f`). A negative zero for x has the y of a small-order point. */
function hasCanonicalR(signature: Uint8Array): boolean {
  if (((signature[31] ?? 0) & 0x7f) !== 0x7f) return true;
  for (let i = 30; i > 0; i--) if (signature[i] !== 0xff) return true;
  return (signature[0] ?? 0) < 0xed;
}

function startsWithY(signature: Uint8Array, y: Uint8Array): boolean {
  if (signature[0] !== y[0] || ((signature[31] ?? 0) & 0x7f) !== y[31]) return false;
  for (let i = 1; i < 31; i++) if (signature[i] !== y[i]) return false;
  return true;
}

function hasSmallOrderR(signature: Uint8Array): boolean {
  for (const y of SMALL_ORDER_Y) if (startsWithY(signature, y)) return true;
  return false;
}

/**
 * Whether a signature has the strict form: exactly 64 bytes, S < L, R canonical and not of small order.
 * Says nothing yet about key or message. An R off the curve, or with a part of small order, is left to the
 * equation: that compares R with a point that is on the curve and of prime order, so it can never be equal.
 */
export function hasStrictForm(signature: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    hasReducedScalar(signature) &&
    hasCanonicalR(signature) &&
    !hasSmallOrderR(signature)
  );
}
