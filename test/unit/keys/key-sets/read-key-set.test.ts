import fc from 'fast-check';
import {
  MAX_KEYS_OF_SET,
  readKeySet,
  type PublishedKey,
} from '../../../../src/keys/key-sets/read-key-set.js';
import { documentOf, sampleKey } from './support.js';

function keysOf(bytes: Uint8Array): readonly PublishedKey[] {
  const read = readKeySet(bytes);
  if (!read.ok) throw new Error(read.reason);
  return read.keys;
}

const reasonOf = (text: string): string | undefined => {
  const read = readKeySet(Buffer.from(text));
  return read.ok ? undefined : read.reason;
};

const key = sampleKey(7);

describe('a published key set', () => {
  test('gives its Ed25519 keys with kid, thumbprint and validity', () => {
    const timed = sampleKey(8, { nbf: 1_000, exp: 2_000, use: 'sig', alg: 'EdDSA', key_ops: ['verify'] });
    expect(keysOf(documentOf(key, timed))).toEqual([
      {
        kid: 'k7',
        thumbprint: key.thumbprint,
        raw: key.privateKey.publicKey.raw,
        notBeforeMs: -Infinity,
        notAfterMs: Infinity,
        fault: undefined,
      },
      expect.objectContaining({ kid: 'k8', notBeforeMs: 1_000_000, notAfterMs: 2_000_000, fault: undefined }),
    ]);
  });

  test('a key without a kid is called by its thumbprint', () => {
    expect(keysOf(documentOf(sampleKey(7, { kid: undefined })))).toMatchObject([{ kid: key.thumbprint }]);
  });

  test.each<[string, unknown]>([
    ['of another type', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }],
    ['of another curve', { ...key.jwk, crv: 'X25519' }],
    ['for encryption', { ...key.jwk, use: 'enc' }],
    ['of another algorithm', { ...key.jwk, alg: 'ES256' }],
    ['with an x of another length', { ...key.jwk, x: 'AAAA' }],
    ['with padding', { ...key.jwk, x: `${String(key.jwk['x'])}=` }],
    ['that is none', 7],
    ['that is a list', [key.jwk]],
    ['null', null],
  ])('a key %s is not ours to judge', (_, jwk) => {
    expect(keysOf(Buffer.from(JSON.stringify({ keys: [jwk, key.jwk] })))).toMatchObject([{ kid: 'k7' }]);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['with its private half', { d: key.jwk['x'] }, 'private half'],
    ['with a kid of other characters', { kid: 'a b' }, 'kid'],
    ['with a kid that is no text', { kid: 7 }, 'kid'],
    ['that is not for verifying', { key_ops: ['encrypt'] }, 'key_ops'],
    ['with an exp that is no number', { exp: '2030-01-01' }, 'nbf or exp'],
    ['with an exp of a fraction', { exp: 1.5 }, 'nbf or exp'],
    ['with an exp before its nbf', { nbf: 5, exp: 5 }, 'nbf or exp'],
    ['with an exp beyond all numbers', { exp: 1e300 }, 'nbf or exp'],
  ])('a key %s is named with its fault', (_, members, fault) => {
    const [read] = keysOf(documentOf(sampleKey(7, members)));
    expect(read?.thumbprint).toBe(key.thumbprint);
    expect(read?.fault).toContain(fault);
  });

  const text = documentOf(key).toString();
  test.each<[string, string, string]>([
    ['two lists of keys', `{"keys":[],"keys":[]}`, 'duplicate_member'],
    ['a kid twice in a key', text.replace('"kid":', '"kid":"k9","kid":'), 'duplicate_member'],
    ['a name twice, once escaped', text.replace('"kid":', '"k\\u0069d":"k9","kid":'), 'duplicate_member'],
    ['bytes behind it', `${text}x`, 'trailing_bytes'],
    ['a byte-order mark', `\ufeff${text}`, 'byte_order_mark'],
    ['nothing', '', 'empty'],
    ['a page', '<html>', 'no strict JSON'],
    ['a list', '[]', 'no list `keys`'],
    ['no keys', '{}', 'no list `keys`'],
    ['keys that are no list', '{"keys":{}}', 'no list `keys`'],
    ['keys under __proto__', '{"__proto__":{"keys":[]}}', 'no list `keys`'],
  ])('%s: the whole is refused', (_, document, reason) => {
    expect(reasonOf(document)).toContain(reason);
  });

  test('members of __proto__ are members, and nothing is inherited from them', () => {
    const jwk = JSON.stringify({ kty: 'OKP', crv: 'Ed25519' }).replace(
      '{',
      `{"__proto__":${JSON.stringify(key.jwk)},`,
    );
    expect(keysOf(Buffer.from(`{"keys":[${jwk}]}`))).toEqual([]);
  });

  test('cut off at any byte, it is refused whole', () => {
    const whole = documentOf(key, sampleKey(8));
    for (let length = 0; length < whole.length; length++)
      expect(readKeySet(whole.subarray(0, length)).ok).toBe(false);
  });

  test('more keys than anybody needs are refused', () => {
    const of = (count: number) => readKeySet(documentOf(...Array.from({ length: count }, () => key))).ok;
    expect([of(MAX_KEYS_OF_SET), of(MAX_KEYS_OF_SET + 1), of(10_000)]).toEqual([true, false, false]);
  });

  test('whatever the bytes, it does not throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readKeySet(bytes)));
    fc.assert(fc.property(fc.json(), (json) => void readKeySet(Buffer.from(`{"keys":[${json}]}`))));
  });
});
