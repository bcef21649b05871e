/** What the suites of this folder share: vectors, and every verifier that must give the same verdict. */
import { readFileSync } from 'node:fs';
import { createStrictVerifier, type StrictVerifier } from '../../../src/crypto/ed25519.js';
import { createSodiumEngine, loadSodium, nodeEngine } from '../../../src/crypto/engines.js';
import { chooseNative } from '../../../src/crypto/native-engine.js';
import type { PointFault } from '../../../src/crypto/edwards-point.js';
import { portableVerifier } from '../../../src/crypto/portable.js';

export interface SignedVector {
  readonly name: string;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
}

export interface Vectors {
  readonly key: {
    readonly seed: string;
    readonly publicKey: string;
    readonly message: string;
    readonly signature: string;
  };
  readonly unacceptableKeys: readonly {
    readonly name: string;
    readonly publicKey: string;
    readonly fault: PointFault;
  }[];
  /** Signatures of `key.message` that `key` must not accept; `form` says which layer refuses. */
  readonly refusedSignatures: readonly {
    readonly name: string;
    readonly form: 'strict' | 'refused';
    readonly signature: string;
  }[];
  readonly forgeriesUnderUnacceptableKeys: readonly SignedVector[];
  readonly rfc8032: readonly (SignedVector & { readonly seed: string })[];
}

function readFixture(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

export const vectors = JSON.parse(readFixture('vectors.json')) as Vectors;

export function certificateFixture(name: string): string {
  return readFixture(`fixtures/${name}.pem`);
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const sodium = loadSodium();

/** The optional engine, where `make native` has built it. */
export const nativeEngine = chooseNative().engine;

/** A test that needs it, which says so where it is left out. */
export function itWithNative(title: string, test: () => void): void {
  if (nativeEngine === undefined) it.skip(`${title} (not built here: make native)`, test);
  else it(title, test);
}

/** Every strict verifier of this platform, the portable one included. */
export const verifiers: readonly StrictVerifier[] = [
  ...(sodium === undefined ? [] : [createStrictVerifier(createSodiumEngine(sodium))]),
  ...(nativeEngine === undefined ? [] : [createStrictVerifier(nativeEngine)]),
  createStrictVerifier(nodeEngine),
  portableVerifier,
];
