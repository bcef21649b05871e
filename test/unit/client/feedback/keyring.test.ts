import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKeyringFile } from '../../../../src/client/keyring-file.js';
import {
  describeKeyringFault,
  keyringFromJson,
  keyringFromMap,
  MemorySeenNonces,
  verifyFeedback,
  type FeedbackKeyring,
  type KeyringResult,
} from '../../../../src/client/feedback/index.js';
import { encodePrivateKey, generateKeyPair } from '../../../../src/crypto/private-key.js';
import { encodePublicKey } from '../../../../src/crypto/public-key.js';
import { KEY, SIGNED_AT_SECONDS, signedAnswer, TENANT, testKey } from '../../../support/signed-feedback.js';
import { keyringOf } from './consumer.js';

const OTHER = testKey(2);
const pair = generateKeyPair(new Uint8Array(32).fill(1));

function kidsOf(result: KeyringResult): readonly string[] {
  if (!result.ok) throw new Error(describeKeyringFault(result.fault));
  return result.keyring.kids;
}

function keyOf(keyring: FeedbackKeyring, kid: string, nowMs = 0): string {
  const found = keyring.find(kid, nowMs);
  return found.ok ? Buffer.from(found.key.raw).toString('base64') : found.code;
}

/** The code, and that of the key where a key is at fault. */
function faultOf(result: KeyringResult): string {
  if (result.ok) return 'no fault';
  expect(describeKeyringFault(result.fault)).toMatch(/^[^\n]{10,240}[^.]$/);
  return result.fault.code === 'bad_key' ? `bad_key ${result.fault.fault.code}` : result.fault.code;
}

describe('a keyring of the program', () => {
  it.each([
    ['base64', KEY.base64],
    ['PEM', KEY.pem],
    ['an OpenSSH line', encodePublicKey(pair.publicKey, 'openssh', 'a comment')],
    ['a JWK', JSON.stringify(KEY.jwk)],
  ])('takes a key as %s', (_title, text) => {
    expect(keyOf(keyringOf({ a: text }), 'a')).toBe(KEY.base64);
  });

  it('takes a map as well as an object, and entries as well as texts', () => {
    const keyring = keyringOf(
      new Map<string, string | { publicKey: string }>([
        ['a', KEY.base64],
        ['b', { publicKey: OTHER.pem }],
      ]),
    );
    expect(keyring.kids).toEqual(['a', 'b']);
    expect([keyOf(keyring, 'a'), keyOf(keyring, 'b')]).toEqual([KEY.base64, OTHER.base64]);
  });

  it.each(['constructor', '__proto__', 'A', 'a ', ''])('does not know %p', (kid) => {
    expect(keyOf(keyringOf({ a: KEY.base64 }), kid)).toBe('unknown_kid');
  });

  it.each([
    ['nothing', {}, 'empty'],
    ['a kid with a blank', { 'a b': KEY.base64 }, 'bad_kid'],
    ['a kid with the separator', { 'a|b': KEY.base64 }, 'bad_kid'],
    ['an empty kid', { '': KEY.base64 }, 'bad_kid'],
    ['a kid of 65 letters', { ['a'.repeat(65)]: KEY.base64 }, 'bad_kid'],
    ['an empty key', { a: '' }, 'bad_key unrecognised'],
    ['hex', { a: 'ab'.repeat(32) }, 'bad_key hex'],
    ['31 bytes', { a: Buffer.alloc(31, 7).toString('base64') }, 'bad_key wrong_length'],
    ['base64url', { a: Buffer.alloc(32, 0xff).toString('base64url') }, 'bad_key unrecognised'],
    ['a point of small order', { a: Buffer.alloc(32).toString('base64') }, 'bad_key bad_point'],
    ['a private key', { a: encodePrivateKey(pair, 'pem') }, 'bad_key private_where_public_expected'],
    ['a private JWK', { a: encodePrivateKey(pair, 'jwk') }, 'bad_key private_where_public_expected'],
    ['a PEM with a byte too many', { a: KEY.pem.replace('MCow', 'MCwx') }, 'bad_key malformed'],
    [
      'PEM of something else',
      { a: KEY.pem.replaceAll('PUBLIC KEY', 'CERTIFICATE') },
      'bad_key unsupported_pem',
    ],
    ['a span that is empty', { a: { publicKey: KEY.base64, notBeforeMs: 5, notAfterMs: 5 } }, 'bad_validity'],
    ['a span that is no number', { a: { publicKey: KEY.base64, notAfterMs: NaN } }, 'bad_validity'],
  ])('is none with %s', (_title, map, fault) => {
    expect(faultOf(keyringFromMap(map))).toBe(fault);
  });

  it('is none with 257 keys', () => {
    const many = Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`kid-${index}`, KEY.base64]));
    expect(faultOf(keyringFromMap(many))).toBe('too_many_keys');
  });
});

describe('a keyring in JSON', () => {
  it('has spans of validity, both ends as they are elsewhere', () => {
    const text = JSON.stringify({
      a: {
        publicKey: KEY.base64,
        notBefore: '2025-11-24T16:00:00Z',
        notAfter: '2025-11-24T18:00:00.5+01:00',
      },
    });
    const result = keyringFromJson(text);
    const at = (nowMs: number) => (result.ok ? keyOf(result.keyring, 'a', nowMs) : result.fault.code);
    const [start, end] = [SIGNED_AT_SECONDS * 1000, SIGNED_AT_SECONDS * 1000 + 3_600_500];
    expect([start - 1, start, end - 1, end].map(at)).toEqual([
      ...['kid_not_yet_valid', KEY.base64, KEY.base64, 'kid_retired'],
    ]);
  });

  it.each([
    ['no JSON', '{', 'not_json'],
    ['a kid that comes twice', `{"a":"${KEY.base64}","a":"${OTHER.base64}"}`, 'not_json'],
    [
      'a kid that comes twice, once with an escape',
      `{"a":"${KEY.base64}","\\u0061":"${OTHER.base64}"}`,
      'not_json',
    ],
    ['a list', `["${KEY.base64}"]`, 'not_a_keyring'],
    ['null', 'null', 'not_a_keyring'],
    ['a number for a key', '{"a":1}', 'bad_entry'],
    ['null for a key', '{"a":null}', 'bad_entry'],
    ['a list for a key', `{"a":["${KEY.base64}"]}`, 'bad_entry'],
    ['an entry without a key', '{"a":{}}', 'bad_entry'],
    [
      'an entry with a member that we do not know',
      `{"a":{"publicKey":"${KEY.base64}","notafter":"x"}}`,
      'bad_entry',
    ],
    ['an entry with two keys', `{"a":{"publicKey":"${KEY.base64}","publicKeyFile":"a.pem"}}`, 'bad_entry'],
    ['a moment without its zone', entry('2026-01-01T00:00:00'), 'bad_validity'],
    ['a day alone', entry('2026-01-01'), 'bad_validity'],
    ['a day that does not exist', entry('2026-02-30T00:00:00Z'), 'bad_validity'],
    ['an hour that does not exist', entry('2026-02-03T24:00:00Z'), 'bad_validity'],
    ['a moment in words', entry('tomorrow'), 'bad_validity'],
    ['a path where nothing can be read', '{"a":"keys/fb.pem"}', 'bad_key unrecognised'],
  ])('is none with %s', (_title, text, fault) => {
    expect(faultOf(keyringFromJson(text))).toBe(fault);
  });

  function entry(notAfter: string): string {
    return JSON.stringify({ a: { publicKey: KEY.base64, notAfter } });
  }
});

describe('a JWK set', () => {
  const set = (...keys: readonly object[]) => JSON.stringify({ keys });
  const jwk = { ...KEY.jwk, kid: 'a', use: 'sig', alg: 'EdDSA' };

  it('is a keyring; keys of other types are passed over', () => {
    const rsa = { kty: 'RSA', kid: 'b', n: 'AQAB', e: 'AQAB' };
    const text = set(rsa, jwk, { ...OTHER.jwk, kid: 'c' });
    expect(kidsOf(keyringFromJson(text))).toEqual(['a', 'c']);
  });

  it('bounds a key by nbf and exp, in seconds', () => {
    const result = keyringFromJson(set({ ...jwk, nbf: 1000, exp: 2000 }));
    const at = (nowMs: number) => (result.ok ? keyOf(result.keyring, 'a', nowMs) : result.fault.code);
    expect([999_999, 1_000_000, 1_999_999, 2_000_000].map(at)).toEqual([
      ...['kid_not_yet_valid', KEY.base64, KEY.base64, 'kid_retired'],
    ]);
  });

  it.each([
    ['no key', set(), 'empty'],
    ['only keys of other types', set({ kty: 'RSA', kid: 'b' }), 'empty'],
    ['a key without a kid', set(KEY.jwk), 'bad_kid'],
    ['a kid that is a number', set({ ...jwk, kid: 1 }), 'bad_kid'],
    ['a key that is a text', '{"keys":["x"]}', 'bad_kid'],
    ['a kid that comes twice', set(jwk, { ...OTHER.jwk, kid: 'a' }), 'repeated_kid'],
    ['a key for encryption', set({ ...jwk, use: 'enc' }), 'bad_key malformed'],
    ['a key of another curve', set({ ...jwk, crv: 'X25519' }), 'bad_key not_ed25519'],
    ['a private key', set({ ...jwk, d: KEY.jwk.x }), 'bad_key private_where_public_expected'],
    ['an exp that is a text', set({ ...jwk, exp: '2000' }), 'bad_validity'],
    ['an exp that is null', set({ ...jwk, exp: null }), 'bad_validity'],
  ])('is none with %s', (_title, text, fault) => {
    expect(faultOf(keyringFromJson(text))).toBe(fault);
  });

  it('is told from a key whose kid is keys', () => {
    expect(kidsOf(keyringFromJson(JSON.stringify({ keys: KEY.base64 })))).toEqual(['keys']);
  });
});

describe('a keyring file', () => {
  let directory: string;
  beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'keyring-'))));
  afterAll(() => rmSync(directory, { recursive: true }));

  function file(name: string, content: string | Buffer): string {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  }

  it('names PEM files beside it', () => {
    file('fb.pem', KEY.pem);
    const path = file(
      'keyring.json',
      JSON.stringify({ a: 'fb.pem', b: OTHER.base64, c: { publicKeyFile: join(directory, 'fb.pem') } }),
    );
    const result = readKeyringFile(path);
    expect(result.ok && ['a', 'b', 'c'].map((kid) => keyOf(result.keyring, kid))).toEqual([
      ...[KEY.base64, OTHER.base64, KEY.base64],
    ]);
  });

  it('may be a JWK set', () => {
    const result = readKeyringFile(file('jwks.json', JSON.stringify({ keys: [{ ...KEY.jwk, kid: 'a' }] })));
    expect(result.ok && result.keyring.kids).toEqual(['a']);
  });

  it.each([
    ['does not exist', () => join(directory, 'none.json'), 'unreadable', 'does not exist'],
    ['is a directory', () => directory, 'unreadable', 'is no regular file'],
    ['is no text', () => file('latin1.json', Buffer.from([0xff, 0xfe])), 'unreadable', ''],
    ['is empty of keys', () => file('empty.json', '{}'), 'empty', ''],
    [
      'names a missing file',
      () => file('lost.json', '{"a":"lost.pem"}'),
      'unreadable_key_file',
      'does not exist',
    ],
    ['names a private key', () => privateKeyring(), 'bad_key', ''],
  ])('that %s is none', (_title, make, code, message) => {
    const result = readKeyringFile(make());
    expect(result).toMatchObject({ ok: false, fault: { code, ...(message === '' ? {} : { message }) } });
  });

  function privateKeyring(): string {
    file('private.pem', encodePrivateKey(pair, 'pem'));
    return file('private.json', '{"a":"private.pem"}');
  }
});

describe('a rotation with overlap', () => {
  const HOUR_MS = 3_600_000;
  const startMs = SIGNED_AT_SECONDS * 1000;
  /** The consumer learns the new key an hour before the signer uses it, and keeps the old one an hour after. */
  const switchMs = startMs + 2 * HOUR_MS;
  const keyring = keyringOf({
    old: { publicKey: KEY.base64, notAfterMs: switchMs + HOUR_MS },
    new: { publicKey: OTHER.base64, notBeforeMs: switchMs - HOUR_MS },
  });
  let nowMs = startMs;
  const clock = { nowMs: () => nowMs };
  const options = { tenant: TENANT, keyring, clock, seenNonces: new MemorySeenNonces({ clock }) };
  const answer = (name: 'old' | 'new') =>
    signedAnswer({
      kid: name,
      key: name === 'old' ? KEY : OTHER,
      signedAtSeconds: Math.floor(nowMs / 1000),
    });

  it('drops no answer that the signer makes, and refuses the retired key after it', () => {
    for (nowMs = startMs; nowMs < switchMs + 3 * HOUR_MS; nowMs += HOUR_MS / 4) {
      const genuine = verifyFeedback(answer(nowMs < switchMs ? 'old' : 'new'), options);
      expect({ nowMs, ok: genuine.ok }).toEqual({ nowMs, ok: true });
      const old = verifyFeedback(answer('old'), options);
      const early = verifyFeedback(answer('new'), options);
      expect(old.ok ? 'taken' : old.code).toBe(nowMs < switchMs + HOUR_MS ? 'taken' : 'kid_retired');
      expect(early.ok ? 'taken' : early.code).toBe(
        nowMs < switchMs - HOUR_MS ? 'kid_not_yet_valid' : 'taken',
      );
    }
  });

  it('takes an answer that was signed just before the switch and comes just after it', () => {
    nowMs = switchMs - 1;
    const late = answer('old');
    nowMs = switchMs + 2_000;
    expect(verifyFeedback(late, options).ok).toBe(true);
  });

  it('never lets one key sign under the id of the other', () => {
    nowMs = switchMs;
    const crossed = signedAnswer({ kid: 'new', key: KEY, signedAtSeconds: switchMs / 1000 });
    expect(verifyFeedback(crossed, options)).toMatchObject({ code: 'bad_signature' });
  });
});
