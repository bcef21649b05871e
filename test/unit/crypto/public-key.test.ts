import { createHash } from 'node:crypto';
import { parsePrivateKey } from '../../../src/crypto/private-key.js';
import { describeKeyFault, parsePublicKey, type KeyFault } from '../../../src/crypto/public-key.js';
import { certificateFixture, fromHex, vectors } from './support.js';

const hex = vectors.rfc8032[0]!.publicKey;
const raw = fromHex(hex);
/** RFC 8032 §7.1 TEST 1, as RFC 8037 appendix A.2 and RFC 8410 write it. */
const ENCODINGS = {
  base64: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
  pem: '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n',
  openssh:
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea producer 1, 2026',
  jwk: '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
};
const { base64, pem, openssh, jwk } = ENCODINGS;

function sshLine(type: string, ...fields: readonly Uint8Array[]): string {
  const parts = [Buffer.from(type), ...fields].flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return [length, field];
  });
  return `ssh-ed25519 ${Buffer.concat(parts).toString('base64')}`;
}

function pemOf(label: string, bytes: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64')}\n-----END ${label}-----\n`;
}

const spki = Buffer.from('302a300506032b6570032100' + hex, 'hex');

describe('a public key', () => {
  it.each(Object.entries(ENCODINGS))(
    'is read from %s, as text or as the bytes of a file',
    (encoding, text) => {
      for (const input of [
        text,
        `${text}\n`,
        `\n ${text}\r\n`,
        Buffer.from(text),
        new TextEncoder().encode(text),
      ]) {
        const result = parsePublicKey(input);
        expect(result).toMatchObject({ ok: true, encoding, key: { raw } });
      }
    },
  );

  it.each(['  ', '\t', ' \t '])('is read from an OpenSSH line with %j between its parts', (between) => {
    const [type, base64, comment] = openssh.split(' ');
    for (const parts of [
      [type, base64, comment],
      [type, base64],
    ])
      expect(parsePublicKey(parts.join(between))).toMatchObject({
        ok: true,
        encoding: 'openssh',
        key: { raw },
      });
  });

  it('is read from SPKI in DER', () => {
    expect(parsePublicKey(spki)).toMatchObject({ ok: true, encoding: 'der', key: { raw } });
  });

  it('is never made of 32 printable characters, of which one in sixteen would be a key', () => {
    const texts = Array.from({ length: 500 }, (_, index) =>
      `${index}password for the gateway, no 32.`.slice(0, 32),
    );
    for (const text of texts)
      expect(parsePublicKey(Buffer.from(text))).toEqual({ ok: false, fault: { code: 'unrecognised' } });
  });

  it('is read from 32 raw bytes, copied, and known by their SHA-256', () => {
    const input = Uint8Array.from(raw);
    const result = parsePublicKey(input);
    input.fill(0);
    const fingerprint = createHash('sha256').update(raw).digest();
    expect(result).toEqual({
      ok: true,
      encoding: 'raw',
      key: { raw, fingerprint: fingerprint.toString('hex'), fingerprintBytes: fingerprint },
    });
  });

  it('may come with Windows line ends and with text before the PEM block', () => {
    expect(parsePublicKey(pem.replaceAll('\n', '\r\n')).ok).toBe(true);
    expect(parsePublicKey(`ED25519 Public-Key:\npub:\n    d7:5a\n${pem}`).ok).toBe(true);
  });

  it('may be a JWK that says what it is for', () => {
    expect(parsePublicKey(jwk.replace('{', '{"kid":"é","use":"sig","alg":"EdDSA",')).ok).toBe(true);
  });

  it.each<[string, string | Uint8Array, KeyFault]>([
    ['nothing', '', { code: 'unrecognised' }],
    ['no bytes', new Uint8Array(), { code: 'unrecognised' }],
    ['blanks', ' \n', { code: 'unrecognised' }],
    ['31 raw bytes', raw.subarray(1), { code: 'unrecognised' }],
    ['a sentence', 'the key is under the mat', { code: 'unrecognised' }],
    ['a byte-order mark before base64', `\ufeff${base64}`, { code: 'unrecognised' }],
    ['text too long to be a key', 'A'.repeat(20_000), { code: 'unrecognised' }],
    ['hex', hex, { code: 'hex' }],
    ['hex with a line end, from a file', Buffer.from(`${hex}\n`), { code: 'hex' }],
    [
      'a private key in DER',
      Buffer.from('302e020100300506032b657004220420' + hex, 'hex'),
      { code: 'private_where_public_expected', encoding: 'der' },
    ],
    [
      'base64 of 31 bytes',
      Buffer.from(raw.subarray(1)).toString('base64'),
      { code: 'wrong_length', actualBytes: 31 },
    ],
    ['base64 of 33 bytes', Buffer.alloc(33, 1).toString('base64'), { code: 'wrong_length', actualBytes: 33 }],
    [
      'base64 without padding',
      base64.slice(0, -1),
      { code: 'malformed', encoding: 'base64', part: 'base64' },
    ],
    [
      'base64 that is not canonical',
      `${base64.slice(0, -2)}p=`,
      { code: 'malformed', encoding: 'base64', part: 'base64' },
    ],
    ['PEM without an end', pem.slice(0, 80), { code: 'malformed', encoding: 'pem', part: 'pem_frame' }],
    [
      'PEM of two labels',
      pem.replace('END PUBLIC', 'END PRIVATE'),
      { code: 'malformed', encoding: 'pem', part: 'pem_frame' },
    ],
    ['two PEM blocks', pem + pem, { code: 'malformed', encoding: 'pem', part: 'pem_frame' }],
    ['text after the PEM block', `${pem}and more`, { code: 'malformed', encoding: 'pem', part: 'pem_frame' }],
    ['PEM on one line', pem.replaceAll('\n', ' '), { code: 'malformed', encoding: 'pem', part: 'pem_frame' }],
    [
      'PEM with bad base64',
      pem.replace('Ro=', 'R!='),
      { code: 'malformed', encoding: 'pem', part: 'base64' },
    ],
    [
      'SPKI with a byte after it',
      pemOf('PUBLIC KEY', Buffer.concat([spki, Buffer.alloc(1)])),
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    [
      'SPKI with unused bits',
      pemOf('PUBLIC KEY', Buffer.from(spki).fill(1, 11, 12)),
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    [
      'empty PEM',
      '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----',
      { code: 'malformed', encoding: 'pem', part: 'der' },
    ],
    [
      'SPKI of X25519',
      pemOf('PUBLIC KEY', Buffer.from(spki).fill(0x6e, 8, 9)),
      { code: 'not_ed25519', encoding: 'pem', algorithm: 'x25519' },
    ],
    [
      'a private key in PEM',
      pem.replaceAll('PUBLIC', 'PRIVATE'),
      { code: 'private_where_public_expected', encoding: 'pem' },
    ],
    [
      'a private key of OpenSSH',
      pem.replaceAll('PUBLIC', 'OPENSSH PRIVATE'),
      { code: 'private_where_public_expected', encoding: 'pem' },
    ],
    ['a certificate', certificateFixture('v1-cn-only'), { code: 'unsupported_pem', label: 'CERTIFICATE' }],
    [
      'an OpenSSH line of RSA',
      'ssh-rsa AAAAB3NzaC1yc2E= x',
      { code: 'not_ed25519', encoding: 'openssh', algorithm: 'ssh-rsa' },
    ],
    [
      'an OpenSSH line of ECDSA',
      'ecdsa-sha2-nistp256 AAAA',
      { code: 'not_ed25519', encoding: 'openssh', algorithm: 'ecdsa-sha2-nistp256' },
    ],
    [
      'an OpenSSH line without base64',
      'ssh-ed25519',
      { code: 'malformed', encoding: 'openssh', part: 'openssh_blob' },
    ],
    [
      'an OpenSSH line with bad base64',
      'ssh-ed25519 AAA',
      { code: 'malformed', encoding: 'openssh', part: 'base64' },
    ],
    [
      'two OpenSSH lines',
      `${openssh}\n${openssh}`,
      { code: 'malformed', encoding: 'openssh', part: 'openssh_line' },
    ],
    [
      'an OpenSSH blob of another type',
      sshLine('ssh-rsa', raw),
      { code: 'not_ed25519', encoding: 'openssh', algorithm: 'ssh-rsa' },
    ],
    [
      'an OpenSSH line of a certificate',
      'ssh-ed25519-cert-v01@openssh.com AAAA',
      { code: 'not_ed25519', encoding: 'openssh', algorithm: 'ssh-ed25519-cert-v01@openssh.com' },
    ],
    [
      'an OpenSSH line with a line end between its parts',
      openssh.replace(' ', '\n'),
      { code: 'malformed', encoding: 'openssh', part: 'openssh_line' },
    ],
    [
      'an OpenSSH blob of 31 bytes',
      sshLine('ssh-ed25519', raw.subarray(1)),
      { code: 'malformed', encoding: 'openssh', part: 'openssh_blob' },
    ],
    [
      'an OpenSSH blob with a field more',
      sshLine('ssh-ed25519', raw, raw),
      { code: 'malformed', encoding: 'openssh', part: 'openssh_blob' },
    ],
    [
      'an OpenSSH blob with a huge length',
      'ssh-ed25519 /////w==',
      { code: 'malformed', encoding: 'openssh', part: 'openssh_blob' },
    ],
    ['JSON cut short', '{"kty":', { code: 'malformed', encoding: 'jwk', part: 'jwk_json' }],
    ['a JWK without a type', '{}', { code: 'not_ed25519', encoding: 'jwk', algorithm: 'undefined' }],
    ['a JWK of RSA', '{"kty":"RSA"}', { code: 'not_ed25519', encoding: 'jwk', algorithm: 'RSA' }],
    [
      'a JWK of X25519',
      jwk.replace('Ed25519', 'X25519'),
      { code: 'not_ed25519', encoding: 'jwk', algorithm: 'X25519' },
    ],
    [
      'a JWK for encryption',
      jwk.replace('{', '{"use":"enc",'),
      { code: 'malformed', encoding: 'jwk', part: 'jwk_use' },
    ],
    [
      'a JWK of another algorithm',
      jwk.replace('{', '{"alg":"none",'),
      { code: 'malformed', encoding: 'jwk', part: 'jwk_use' },
    ],
    [
      'a JWK with a private part',
      jwk.replace('{', '{"d":"",'),
      { code: 'private_where_public_expected', encoding: 'jwk' },
    ],
    ['a JWK with padding', jwk.replace('Ro"', 'Ro="'), { code: 'malformed', encoding: 'jwk', part: 'jwk_x' }],
    [
      'a JWK with a number for x',
      jwk.replace(/"x":".*"/, '"x":1'),
      { code: 'malformed', encoding: 'jwk', part: 'jwk_x' },
    ],
    ['a JWK of 31 bytes', jwk.replace('11q', ''), { code: 'malformed', encoding: 'jwk', part: 'jwk_x' }],
    ['a JWK set', `{"keys":[${jwk}]}`, { code: 'not_ed25519', encoding: 'jwk', algorithm: 'undefined' }],
    [
      'a point of small order in base64',
      Buffer.alloc(32).toString('base64'),
      { code: 'bad_point', encoding: 'base64', point: 'small_order' },
    ],
  ])('is not %s', (_, input, fault) => {
    expect(parsePublicKey(input)).toEqual({ ok: false, fault });
  });
});

describe('a secret that was pasted where a public key belongs', () => {
  const SECRET = 'sk-proj-SECRET0123456789';

  it.each<[string, string, KeyFault]>([
    ['alone', SECRET, { code: 'unrecognised' }],
    ['with a comment', `${SECRET} me`, { code: 'unrecognised' }],
    ['after another known beginning', `ssh-${SECRET} AAAA`, { code: 'unrecognised' }],
    [
      'as the type in an OpenSSH blob',
      sshLine(SECRET, raw),
      { code: 'malformed', encoding: 'openssh', part: 'openssh_blob' },
    ],
    ['as the type of a JWK', `{"kty":"${SECRET}"}`, { code: 'malformed', encoding: 'jwk', part: 'jwk_type' }],
    [
      'as the curve of a JWK',
      jwk.replace('Ed25519', SECRET),
      { code: 'malformed', encoding: 'jwk', part: 'jwk_type' },
    ],
    [
      'as the label of PEM',
      pemOf('SECRET0123456789', raw),
      { code: 'malformed', encoding: 'pem', part: 'pem_label' },
    ],
  ])('is not repeated: %s', (_, input, fault) => {
    const result = parsePublicKey(input);
    expect(result).toEqual({ ok: false, fault });
    if (!result.ok) expect(describeKeyFault(result.fault)).not.toContain('SECRET');
    expect(JSON.stringify(parsePrivateKey(input))).not.toContain('SECRET');
  });
});

describe('the sentence about a fault', () => {
  it('quotes a foreign name without its control characters', () => {
    const sentence = describeKeyFault({
      code: 'not_ed25519',
      encoding: 'jwk',
      algorithm: '\u001b[31m\u202e"x',
    });
    expect(sentence).toMatch(/^[\x20-\x7e]+$/);
  });

  it.each<[KeyFault, RegExp]>([
    [{ code: 'unrecognised' }, /none of/],
    [{ code: 'wrong_length', actualBytes: 48 }, /32 bytes.*48/],
    [{ code: 'malformed', encoding: 'jwk', part: 'jwk_x' }, /JWK.*"x"/],
    [{ code: 'unsupported_pem', label: 'CERTIFICATE' }, /"CERTIFICATE"/],
    [{ code: 'private_where_public_expected', encoding: 'pem' }, /private key where the public/],
    [{ code: 'public_where_private_expected', encoding: 'pem' }, /public key where the private/],
    [{ code: 'encrypted', encoding: 'pem' }, /passphrase/],
    [{ code: 'halves_disagree', encoding: 'jwk' }, /does not belong/],
    [{ code: 'bad_point', encoding: 'raw', point: 'small_order' }, /small order/],
  ])('says what is wrong: %j', (fault, expected) => {
    expect(describeKeyFault(fault)).toMatch(expected);
  });
});
