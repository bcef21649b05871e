import fc from 'fast-check';
import { createStrictVerifier, type StrictVerifier } from '../../src/crypto/ed25519.js';
import { createSodiumEngine, loadSodium, nodeEngine, selectEngine } from '../../src/crypto/engines.js';
import { portableVerifier } from '../../src/crypto/portable.js';
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { selectSigner } from '../../src/crypto/signing.js';
import { parsePublicKey } from '../../src/crypto/public-key.js';

const signer = selectSigner();

const key = generateKeyPair(new Uint8Array(32).fill(0x5a));
const message = new TextEncoder().encode('1764000000.AAAAAAAA.{"a":1}');
const signature = signer.sign(key, message);

const sodium = loadSodium();
const verifiers: readonly { name: string; verifier: StrictVerifier; runs: number }[] = [
  { name: 'the engine of the hot path', verifier: createStrictVerifier(selectEngine()), runs: 300 },
  ...(sodium === undefined
    ? []
    : [{ name: 'sodium-native', verifier: createStrictVerifier(createSodiumEngine(sodium)), runs: 300 }]),
  { name: 'node:crypto', verifier: createStrictVerifier(nodeEngine), runs: 300 },
  // Ten milliseconds or more each: fewer, and the sweeps below are left to the fast engines.
  { name: 'the portable verifier', verifier: portableVerifier, runs: 15 },
];

function withFlippedBit(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

/** Every bit of the bytes, or for a slow verifier some of them. */
function bitsOf(bytes: Uint8Array, runs: number): number[] {
  const bits = Array.from({ length: bytes.length * 8 }, (_, bit) => bit);
  return runs >= 300 ? bits : fc.sample(fc.constantFrom(...bits), { numRuns: runs, seed: 1 });
}

describe.each(verifiers)('$name', ({ verifier, runs }) => {
  it('refuses a signature with any single bit flipped', () => {
    const accepted = bitsOf(signature, runs).filter((bit) =>
      verifier.verify(key.publicKey, message, withFlippedBit(signature, bit)),
    );
    expect(accepted).toEqual([]);
  });

  it('refuses a message with any single bit flipped', () => {
    const accepted = bitsOf(message, runs).filter((bit) =>
      verifier.verify(key.publicKey, withFlippedBit(message, bit), signature),
    );
    expect(accepted).toEqual([]);
  });

  it('accepts what the key has signed, and under that key only', () => {
    const other = generateKeyPair(new Uint8Array(32).fill(0xa5));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const signed = signer.sign(key, bytes);
        expect(verifier.verify(key.publicKey, bytes, signed)).toBe(true);
        expect(verifier.verify(other.publicKey, bytes, signed)).toBe(false);
      }),
      { numRuns: Math.min(runs, 100) },
    );
  });

  it('never throws on arbitrary signatures', () => {
    const anySignature = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => bytes.fill(0, 63)),
    );
    fc.assert(
      fc.property(
        anySignature,
        fc.uint8Array(),
        (bytes, text) => !verifier.verify(key.publicKey, text, bytes),
      ),
      { numRuns: runs },
    );
  });
});

describe('a public key with any single bit flipped', () => {
  it('is refused at load, or verifies nothing that the true one signed', () => {
    const verifier = createStrictVerifier(selectEngine());
    const survivors = bitsOf(key.publicKey.raw, 300).filter((bit) => {
      const parsed = parsePublicKey(withFlippedBit(key.publicKey.raw, bit));
      return parsed.ok && verifier.verify(parsed.key, message, signature);
    });
    expect(survivors).toEqual([]);
  });
});

describe('engines that evaluate the same equation', () => {
  const engines = [
    selectEngine(),
    ...(sodium === undefined ? [] : [createSodiumEngine(sodium)]),
    nodeEngine,
  ].map(createStrictVerifier);
  /** Mostly sound, with one part replaced, a bit flipped, or S moved by the group order. */
  const mutated = fc.oneof(
    fc.constant(signature),
    fc.nat({ max: 511 }).map((bit) => withFlippedBit(signature, bit)),
    fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((part) => new Uint8Array([...part, ...signature.slice(32)])),
    fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((part) => new Uint8Array([...signature.slice(0, 32), ...part])),
    fc.nat({ max: 64 }).map((length) => signature.slice(0, length)),
  );

  it('give one verdict of any signature, message and sound key', () => {
    fc.assert(
      fc.property(mutated, fc.boolean(), fc.integer({ min: 0, max: 255 }), (bytes, isOurs, seed) => {
        const other = generateKeyPair(new Uint8Array(32).fill(seed)).publicKey;
        const verdicts = engines.map((engine) =>
          engine.verify(isOurs ? key.publicKey : other, message, bytes),
        );
        expect(new Set(verdicts).size).toBe(1);
      }),
      { numRuns: 500 },
    );
  });
});
