import { inspect } from 'node:util';
import {
  describeKeyFault,
  encodePrivateKey,
  generateKeyPair,
  parsePrivateKey,
  zeroize,
  type KeyFault,
} from '../../../src/crypto/private-key.js';
import { encodePublicKey, TEXT_KEY_ENCODINGS, parsePublicKey } from '../../../src/crypto/public-key.js';
import { fromHex, toHex, vectors } from './support.js';

const vector = vectors.rfc8032[0]!;
const seed = fromHex(vector.seed);
const key = generateKeyPair(seed);
const foreign = generateKeyPair(fromHex(vectors.rfc8032[1]!.seed));

/** RFC 8410 §10.3: the same key in version 1, and in version 2 with an attribute and the public half. */
const RFC_8410_V1 = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----`;
const RFC_8410_V2 = `-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----`;
const RFC_8410_PUBLIC = '19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1';
/** RFC 8037 appendix A.1. */
const RFC_8037 =
  '{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}';

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function pemOf(label: string, bytes: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${base64(bytes)}\n-----END ${label}-----\n`;
}

function pkcs8(hexParts: string): string {
  return pemOf('PRIVATE KEY', Buffer.from(hexParts.replaceAll(' ', ''), 'hex'));
}

describe('a private key', () => {
  it.each(vectors.rfc8032)('has the public half of RFC 8032 §7.1 $name', (each) => {
    const made = generateKeyPair(fromHex(each.seed));
    expect(toHex(made.publicKey.raw)).toBe(each.publicKey);
    expect(toHex(made.secret)).toBe(each.seed + each.publicKey);
  });

  it.each([
    ['32 raw bytes', seed, 'raw'],
    ['64 raw bytes', key.secret, 'raw'],
    ['base64 of 32 bytes', base64(seed), 'base64'],
    ['base64 of 64 bytes, as the bytes of a file', Buffer.from(`${base64(key.secret)}\n`), 'base64'],
    ['the JWK of RFC 8037', RFC_8037, 'jwk'],
    ['PKCS#8 in DER', Buffer.from(`302e020100300506032b657004220420${vector.seed}`, 'hex'), 'der'],
    [
      'PKCS#8 as the crate ring writes it, in DER',
      Buffer.from(`3053020101300506032b657004220420${vector.seed}a123032100${vector.publicKey}`, 'hex'),
      'der',
    ],
    [
      'PKCS#8 as the crate ring writes it, in PEM',
      pkcs8(`3053020101300506032b657004220420${vector.seed}a123032100${vector.publicKey}`),
      'pem',
    ],
  ])('is read from %s', (_, input, encoding) => {
    const result = parsePrivateKey(input);
    expect(result).toMatchObject({ ok: true, encoding });
    expect(result.ok && toHex(result.key.secret)).toBe(vector.seed + vector.publicKey);
  });

  it.each([
    ['version 1', RFC_8410_V1],
    ['version 2 with an attribute and the public half', RFC_8410_V2],
  ])('is read from PKCS#8 of RFC 8410, %s', (_, pem) => {
    const result = parsePrivateKey(pem);
    expect(result.ok && toHex(result.key.publicKey.raw)).toBe(RFC_8410_PUBLIC);
  });

  it.each(TEXT_KEY_ENCODINGS)('reads back what it writes as %s', (encoding) => {
    if (encoding !== 'openssh') {
      const result = parsePrivateKey(encodePrivateKey(key, encoding));
      expect(result).toMatchObject({ ok: true, encoding });
      expect(result.ok && toHex(result.key.secret)).toBe(toHex(key.secret));
    }
    const publicResult = parsePublicKey(encodePublicKey(key.publicKey, encoding, 'a comment'));
    expect(publicResult).toEqual({ ok: true, encoding, key: key.publicKey });
  });

  it('leaves the bytes that it was read from to the caller', () => {
    const input = Uint8Array.from(seed);
    parsePrivateKey(input);
    expect(input).toEqual(seed);
  });

  it('refuses a comment that would add a line of its own', () => {
    expect(() => encodePublicKey(key.publicKey, 'openssh', 'a\nssh-ed25519 AAAA')).toThrow(RangeError);
    expect(() => encodePublicKey(key.publicKey, 'openssh', '\u00e9')).toThrow(RangeError);
  });

  it.each<[string, string | Uint8Array, KeyFault]>([
    ['nothing', '', { code: 'unrecognised' }],
    ['33 raw bytes', new Uint8Array(33), { code: 'unrecognised' }],
    ['base64 of 33 bytes', base64(new Uint8Array(33)), { code: 'wrong_length', actualBytes: 33 }],
    ['base64 with a bad length', 'AAA', { code: 'malformed', encoding: 'base64', part: 'base64' }],
    [
      '64 bytes with a foreign half',
      Buffer.concat([seed, foreign.publicKey.raw]),
      { code: 'halves_disagree', encoding: 'raw' },
    ],
    ['64 bytes of hex', Buffer.from(vector.seed), { code: 'hex' }],
    ['64 hex digits and a line end', `${vector.seed}\n`, { code: 'hex' }],
    ['128 hex digits', Buffer.from(vector.seed + vector.publicKey), { code: 'hex' }],
    ['a text of 32 characters', Buffer.from('correct horse battery staple 123'), { code: 'unrecognised' }],
    ['a text of 64 bytes in UTF-8', Buffer.from('ü'.repeat(32)), { code: 'unrecognised' }],
    [
      'a public key in DER',
      Buffer.from('302a300506032b6570032100' + vector.publicKey, 'hex'),
      { code: 'public_where_private_expected', encoding: 'der' },
    ],
    [
      'a public PEM',
      encodePublicKey(key.publicKey, 'pem'),
      { code: 'public_where_private_expected', encoding: 'pem' },
    ],
    [
      'a public OpenSSH line',
      encodePublicKey(key.publicKey, 'openssh'),
      { code: 'public_where_private_expected', encoding: 'openssh' },
    ],
    [
      'a public JWK',
      encodePublicKey(key.publicKey, 'jwk'),
      { code: 'public_where_private_expected', encoding: 'jwk' },
    ],
    ['an encrypted PEM', pemOf('ENCRYPTED PRIVATE KEY', seed), { code: 'encrypted', encoding: 'pem' }],
    [
      'PEM of an old RSA key',
      pemOf('RSA PRIVATE KEY', seed),
      { code: 'unsupported_pem', label: 'RSA PRIVATE KEY' },
    ],
    [
      'PEM without its end',
      RFC_8410_V1.slice(0, 90),
      { code: 'malformed', encoding: 'pem', part: 'pem_frame' },
    ],
    [
      'PEM with bad base64',
      RFC_8410_V1.replace('MC4', 'M!4'),
      { code: 'malformed', encoding: 'pem', part: 'base64' },
    ],
    [
      'PKCS#8 of X25519',
      pkcs8(`302e 020100 300506032b656e 0422 0420 ${vector.seed}`),
      { code: 'not_ed25519', encoding: 'pem', algorithm: 'x25519' },
    ],
    [
      'PKCS#8 of version 3',
      pkcs8(`302e 020102 300506032b6570 0422 0420 ${vector.seed}`),
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    [
      'PKCS#8 with a seed too short',
      pkcs8(`302d 020100 300506032b6570 0421 041f ${vector.seed.slice(2)}`),
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    [
      'PKCS#8 with a byte after it',
      pkcs8(`302e 020100 300506032b6570 0422 0420 ${vector.seed} 00`),
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    [
      'PKCS#8 of version 1 with a public half',
      pkcs8(`3051 020100 300506032b6570 0422 0420 ${vector.seed} 812100 ${vector.publicKey}`),
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    [
      'PKCS#8 of version 2 with a foreign half',
      pkcs8(`3051 020101 300506032b6570 0422 0420 ${vector.seed} 812100 ${RFC_8410_PUBLIC}`),
      { code: 'halves_disagree', encoding: 'pem' },
    ],
    [
      'PKCS#8 with a field too many',
      pkcs8(`3053 020101 300506032b6570 0422 0420 ${vector.seed} 812100 ${vector.publicKey} 8200`),
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    ['PKCS#8 cut short', pkcs8('302e 0201'), { code: 'malformed', encoding: 'pem', part: 'der' }],
    [
      "a private key in OpenSSH's form",
      pemOf('OPENSSH PRIVATE KEY', seed),
      { code: 'unsupported_pem', label: 'OPENSSH PRIVATE KEY' },
    ],
    [
      'a JWK without its public half',
      RFC_8037.replace(/,"x".*"/, ''),
      { code: 'malformed', encoding: 'jwk', part: 'jwk_x' },
    ],
    [
      'a JWK with a short d',
      RFC_8037.replace('nWGx', ''),
      { code: 'malformed', encoding: 'jwk', part: 'jwk_d' },
    ],
    [
      'a JWK with a foreign half',
      RFC_8037.replace(/"x":".*"/, `"x":"${Buffer.from(foreign.publicKey.raw).toString('base64url')}"`),
      { code: 'halves_disagree', encoding: 'jwk' },
    ],
    ['JSON that is no JWK', '{"kty"}', { code: 'malformed', encoding: 'jwk', part: 'jwk_json' }],
    ['a JWK of RSA', '{"kty":"RSA","d":""}', { code: 'not_ed25519', encoding: 'jwk', algorithm: 'RSA' }],
  ])('is not %s', (_, input, fault) => {
    expect(parsePrivateKey(input)).toEqual({ ok: false, fault });
  });
});

it("names a remedy for a private key in OpenSSH's form", () => {
  const result = parsePrivateKey(pemOf('OPENSSH PRIVATE KEY', seed));
  expect(!result.ok && describeKeyFault(result.fault)).toMatch(/OpenSSH.*`countersign keygen`/);
});

describe('the secret of a private key', () => {
  it('shows in no print-out', () => {
    const printed = [
      JSON.stringify(key),
      JSON.stringify({ key }),
      inspect(key, { depth: 9 }),
      Object.keys(key).join(),
    ];
    for (const text of printed) {
      expect(text).not.toContain('secret');
      expect(text).not.toContain(vector.seed);
      expect(text).not.toContain(base64(seed));
      expect(text).not.toContain('157, 97, 177');
    }
  });

  it('is wiped on request', () => {
    const doomed = generateKeyPair(seed);
    zeroize(doomed);
    expect(doomed.secret).toEqual(new Uint8Array(64));
  });
});
