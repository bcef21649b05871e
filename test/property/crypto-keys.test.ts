import fc from 'fast-check';
import { decodeBase64, decodeCanonicalBase64, encodeBase64 } from '../../src/crypto/bytes.js';
import { findPointFault } from '../../src/crypto/edwards-point.js';
import { certificateFingerprints, normalizeFingerprint } from '../../src/crypto/certificate.js';
import { encodePrivateKey, generateKeyPair, parsePrivateKey } from '../../src/crypto/private-key.js';
import {
  encodePublicKey,
  TEXT_KEY_ENCODINGS,
  describeKeyFault,
  parsePublicKey,
} from '../../src/crypto/public-key.js';

const key = generateKeyPair(new Uint8Array(32).fill(0x5a));
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const encodings = fc.constantFrom(...TEXT_KEY_ENCODINGS);
const ownTexts = TEXT_KEY_ENCODINGS.flatMap((encoding) => [
  encodePublicKey(key.publicKey, encoding, 'c'),
  ...(encoding === 'openssh' ? [] : [encodePrivateKey(key, encoding)]),
]);

/** Near misses: a good text with a piece cut out and another put in. */
const mangledTexts = fc
  .tuple(fc.constantFrom(...ownTexts), fc.nat(), fc.nat(20), fc.string({ maxLength: 8 }))
  .map(([text, at, cut, piece]) => {
    const start = at % text.length;
    return text.slice(0, start) + piece + text.slice(start + cut);
  });

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.base64String(),
  mangledTexts,
);
const anyInput = fc.oneof(anyText, fc.uint8Array({ maxLength: 200 }));

describe('the parsers', () => {
  it('never throw, and say what is wrong in one printable line', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        for (const result of [parsePublicKey(input), parsePrivateKey(input)]) {
          if (!result.ok) expect(describeKeyFault(result.fault)).toMatch(/^[\x20-\x7e\u2026]+$/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never throw on bytes that claim to be a certificate', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        expect(certificateFingerprints(input)).toEqual({ ok: false });
      }),
    );
  });

  it('take a fingerprint in one form only', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const found = normalizeFingerprint(text);
        expect(found === undefined || /^[0-9a-f]{64}$/.test(found)).toBe(true);
      }),
    );
  });
});

describe('every key', () => {
  it('is of prime order, and round-trips through every encoding', () => {
    fc.assert(
      fc.property(seeds, encodings, (seed, encoding) => {
        const made = generateKeyPair(seed);
        if (encoding !== 'openssh') {
          const back = parsePrivateKey(encodePrivateKey(made, encoding));
          expect(back.ok && back.key.secret).toEqual(made.secret);
        }
        expect(parsePublicKey(encodePublicKey(made.publicKey, encoding))).toEqual({
          ok: true,
          encoding,
          key: made.publicKey,
        });
      }),
      { numRuns: 25 },
    );
  });

  it('is taken from 32 arbitrary bytes only when those are a point of prime order', () => {
    fc.assert(
      fc.property(seeds, (bytes) => parsePublicKey(bytes).ok === (findPointFault(bytes) === undefined)),
      { numRuns: 50 },
    );
  });
});

describe('base64', () => {
  it('encodes as Node does, and decodes what it encodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(decodeBase64(text)).toEqual(bytes);
        expect(decodeCanonicalBase64(text, bytes.length)).toEqual(bytes);
        expect(decodeCanonicalBase64(text, bytes.length + 1)).toBeUndefined();
      }),
    );
  });

  it('decodes a text exactly when Node would write it that way', () => {
    const nearlyBase64 = fc.string({
      unit: fc.constantFrom('A', 'Q', 'g', 'w', '/', '+', '=', '-', '\n', '\u0141'),
    });
    fc.assert(
      fc.property(fc.oneof(nearlyBase64, anyText), (text) => {
        const isCanonical = Buffer.from(text, 'base64').toString('base64') === text;
        expect(decodeBase64(text) !== undefined).toBe(isCanonical);
      }),
      { numRuns: 1000 },
    );
  });
});
