import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { sha256 } from '@noble/hashes/sha2.js';
import { hexFromBytes } from '../../../../src/crypto/bytes.js';

const sha256Hex = (message: Uint8Array) => hexFromBytes(sha256(message));
const text = (value: string) => new TextEncoder().encode(value);

/** FIPS 180-4's examples, and the empty message of its validation suite. */
const EXAMPLES: [string, Uint8Array, string][] = [
  ['the empty message', text(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', text('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'a message of 448 bits, which needs a second block',
    text('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  [
    'a message of 896 bits',
    text(
      'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu',
    ),
    'cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1',
  ],
  [
    'a million times a',
    new Uint8Array(1_000_000).fill(0x61),
    'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  ],
];

describe('the portable SHA-256', () => {
  it.each(EXAMPLES)('is that of the standard for %s', (_title, message, hash) => {
    expect(sha256Hex(message)).toBe(hash);
  });

  it("is Node's for every length up to three blocks", () => {
    for (let length = 0; length <= 192; length += 1) {
      const message = Uint8Array.from({ length }, (_, index) => (index * 37 + length) & 0xff);
      expect(sha256Hex(message)).toBe(createHash('sha256').update(message).digest('hex'));
    }
  });

  it("is Node's for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (message) => {
        expect(sha256Hex(message)).toBe(createHash('sha256').update(message).digest('hex'));
      }),
    );
  });
});
