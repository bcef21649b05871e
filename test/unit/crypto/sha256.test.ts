import { createHash, randomBytes } from 'node:crypto';
import { sha256 } from '../../../src/crypto/engines.js';

describe('SHA-256 on the hot path', () => {
  it('gives the digest of FIPS 180-4 for "abc"', () => {
    expect(sha256(Buffer.from('abc')).toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('agrees with OpenSSL for every length to 300 bytes', () => {
    for (let length = 0; length <= 300; length++) {
      const input = randomBytes(length);
      expect(sha256(input)).toEqual(createHash('sha256').update(input).digest());
    }
  });

  it('gives memory of its own each time', () => {
    const first = sha256(Buffer.from('a'));
    const copy = Buffer.from(first);
    sha256(Buffer.from('b'));
    expect(first).toEqual(copy);
  });
});
