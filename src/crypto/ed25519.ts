/**
 * Strict Ed25519 (docs/security-requirements.md#2): one verdict, whatever engine and runtime are beneath.
 *
 * The key was judged when it was loaded (`public-key.ts` or `portable.ts`), the form of the signature is judged
 * here, and the engine only evaluates the cofactorless equation S·B = R + k·A of RFC 8032 §5.1.7.
 * Runs anywhere: no Node built-in and no Buffer.
 */
import { hasStrictForm } from './strict-signature.js';

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
