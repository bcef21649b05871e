import {
  decodeBase64,
  decodeBase64Url,
  decodeCanonicalBase64,
  encodeBase64,
  encodeBase64Url,
} from '../../../src/crypto/bytes.js';
import { vectors, fromHex } from './support.js';

const signature = fromHex(vectors.key.signature);
const text = Buffer.from(signature).toString('base64');

describe('canonical base64 of a signature', () => {
  it('gives the 64 bytes', () => {
    expect(decodeCanonicalBase64(text, 64)).toEqual(signature);
  });

  it.each([
    ['without padding', text.slice(0, -2)],
    ['with one padding character', text.slice(0, -1)],
    ['with three padding characters', `${text.slice(0, -3)}===`],
    ['with padding inside', `=${text.slice(1)}`],
    ['with a bit set that no byte has', `${text.slice(0, -3)}h==`],
    ['in the URL-safe alphabet', '-_'.repeat(43) + '=='],
    ['with white space before', ` ${text.slice(1)}`],
    ['with a newline after', `${text}\n`],
    ['with a newline inside', `${text.slice(0, 76)}\n${text.slice(76)}`],
    ['with a character above 0x7f', `\u00e9${text.slice(1)}`],
    ['with a character whose low byte is a letter', `\u0141${text.slice(1)}`],
    ['with a NUL', `\0${text.slice(1)}`],
    ['of 63 bytes', Buffer.alloc(63, 1).toString('base64')],
    ['of 65 bytes', Buffer.alloc(65, 1).toString('base64')],
    ['of 66 bytes, as long a text', Buffer.alloc(66, 1).toString('base64')],
    ['that is empty', ''],
  ])('is refused %s', (_, invalid) => {
    expect(decodeCanonicalBase64(invalid, 64)).toBeUndefined();
  });

  it('accepts only the four last characters that leave no bit behind', () => {
    const accepted = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
      .map((last) => `${text.slice(0, 85)}${last}==`)
      .filter((candidate) => decodeCanonicalBase64(candidate, 64) !== undefined);
    expect(accepted).toHaveLength(4);
    for (const one of accepted) expect(Buffer.from(one, 'base64').toString('base64')).toBe(one);
  });
});

describe('base64', () => {
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('encodes and decodes %j as RFC 4648 §10 does', (plain, encoded) => {
    const bytes = new TextEncoder().encode(plain);
    expect(encodeBase64(bytes)).toBe(encoded);
    expect(decodeBase64(encoded)).toEqual(bytes);
    expect(encodeBase64Url(bytes)).toBe(encoded.replaceAll('=', ''));
    expect(decodeBase64Url(encoded.replaceAll('=', ''))).toEqual(bytes);
  });

  it.each(['=', '==', '====', 'A', 'AA', 'AAA', 'A===', 'AB==', 'AAB=', 'AAA=AAAA', 'AA==AAAA'])(
    'refuses %j',
    (invalid) => {
      expect(decodeBase64(invalid)).toBeUndefined();
    },
  );

  it.each(['Zg==', 'Zm8=', '+/+/', 'A', 'AB', 'AAB'])('refuses %j as base64url', (invalid) => {
    expect(decodeBase64Url(invalid)).toBeUndefined();
  });
});
