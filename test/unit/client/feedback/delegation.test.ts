import { encodeBase64Url } from '../../../../src/crypto/bytes.js';
import { createSodiumEngine, loadSodium, nodeEngine } from '../../../../src/crypto/engines.js';
import { createStrictVerifier } from '../../../../src/crypto/ed25519.js';
import { generateKeyPair } from '../../../../src/crypto/private-key.js';
import { selectSigner } from '../../../../src/crypto/signing.js';
import { encodePublicKey } from '../../../../src/crypto/public-key.js';
import { keyringFromDelegation, type DelegationResult } from '../../../../src/client/feedback/delegation.js';
import { keyringFromMap, type FeedbackKeyring } from '../../../../src/client/feedback/keyring.js';
import {
  delegationDocument,
  delegationInput,
  type DelegationClaims,
} from '../../../../src/feedback/delegation.js';
import { OTHER_TENANT, TENANT } from '../../../support/signed-feedback.js';

const NOW_MS = 1_764_000_000_000;
const HOUR_MS = 3_600_000;
const root = generateKeyPair(new Uint8Array(32).fill(7));
const other = generateKeyPair(new Uint8Array(32).fill(8));
const memory = generateKeyPair(new Uint8Array(32).fill(9));
const signer = selectSigner();
const sodium = loadSodium();
const verifier = createStrictVerifier(sodium === undefined ? nodeEngine : createSodiumEngine(sodium));

function rootsOf(pair = root, kid = 'root-1'): FeedbackKeyring {
  const made = keyringFromMap({ [kid]: encodePublicKey(pair.publicKey, 'base64').trim() });
  if (!made.ok) throw new Error(made.fault.code);
  return made.keyring;
}

const claims: DelegationClaims = {
  rootKid: 'root-1',
  tenant: TENANT,
  issuedAtMs: NOW_MS,
  key: { kid: 'in-memory', publicKey: memory.publicKey, notBeforeMs: NOW_MS, notAfterMs: NOW_MS + HOUR_MS },
};

function signed(changes: Partial<DelegationClaims> = {}, pair = root): string {
  const input = delegationInput({ ...claims, ...changes });
  return delegationDocument(input, signer.sign(pair, input));
}

/** A document of any header and payload, rightly signed by the root. */
function forged(header: object | string, payload: object | string): string {
  const parts = [header, payload].map((part) =>
    encodeBase64Url(Buffer.from(typeof part === 'string' ? part : JSON.stringify(part))),
  );
  const input = Buffer.from(parts.join('.'));
  return delegationDocument(input, signer.sign(root, input));
}
const partOf = (at: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(signed().split('.')[at] ?? '', 'base64url').toString()) as Record<string, unknown>;
const [header, payload] = [partOf(0), partOf(1)];

const read = (document: string, changes = {}): DelegationResult =>
  keyringFromDelegation(document, { roots: rootsOf(), tenant: TENANT, nowMs: NOW_MS, verifier, ...changes });
const codeOf = (document: string, changes = {}): string => {
  const result = read(document, changes);
  return result.ok ? 'ok' : result.code;
};

describe('a keyring document', () => {
  test('is a JWS of these members (RFC 7515 §7.1), with a JWK set in it', () => {
    expect([header, payload]).toEqual([
      { alg: 'EdDSA', typ: 'countersign-keyring+jwt', kid: 'root-1' },
      {
        iat: NOW_MS / 1000,
        exp: (NOW_MS + HOUR_MS) / 1000,
        tenant: TENANT,
        keys: [
          {
            kty: 'OKP',
            crv: 'Ed25519',
            x: encodeBase64Url(memory.publicKey.raw),
            kid: 'in-memory',
            use: 'sig',
            alg: 'EdDSA',
            nbf: NOW_MS / 1000,
            exp: (NOW_MS + HOUR_MS) / 1000,
          },
        ],
      },
    ]);
    expect(signed()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]{86}$/);
    expect(partOf(1)).toHaveProperty('tenant');
  });

  test('gives the keys that the root vouches for, until its time is over', () => {
    const result = read(signed());
    if (!result.ok) throw new Error(result.code);
    expect([result.rootKid, result.keyring.kids]).toEqual(['root-1', ['in-memory']]);
    const found = result.keyring.find('in-memory', NOW_MS);
    expect(found.ok && encodeBase64Url(found.key.raw)).toBe(encodeBase64Url(memory.publicKey.raw));
    expect(result.keyring.find('in-memory', NOW_MS + HOUR_MS)).toEqual({ ok: false, code: 'kid_retired' });
    expect(result.keyring.find('root-1', NOW_MS)).toEqual({ ok: false, code: 'unknown_kid' });
  });

  test.each([undefined, null])('that an answer does not have (%s) is told as such', (absent) => {
    const options = { roots: rootsOf(), tenant: TENANT, nowMs: NOW_MS };
    expect(keyringFromDelegation(absent, options)).toEqual({ ok: false, code: 'missing' });
  });

  test('for all tenants without a domain of their own names none', () => {
    expect(codeOf(signed({ tenant: undefined }))).toBe('ok');
    expect(codeOf(signed({ tenant: undefined }), { tenant: OTHER_TENANT })).toBe('ok');
  });

  test.each<[string, string, string, object?]>([
    ['of another tenant', signed({ tenant: OTHER_TENANT }), 'other_tenant'],
    ['with another type of tenant', forged(header, { ...payload, tenant: null }), 'other_tenant'],
    ['whose time is over', signed(), 'expired', { nowMs: NOW_MS + HOUR_MS }],
    ['from a clock far ahead', signed({ issuedAtMs: NOW_MS + 301_000 }), 'not_yet_valid'],
    ['of a key that nobody pinned', signed({ rootKid: 'root-2' }), 'unknown_root'],
    ['of a root that is retired', signed(), 'unknown_root', { nowMs: NOW_MS, roots: retiredRoots() }],
    ['signed by another key', signed({}, other), 'bad_signature'],
    ['signed by the key that it vouches for', signed({}, memory), 'bad_signature'],
    ['without a signature', signed().replace(/[^.]*$/, ''), 'bad_signature'],
    ['with alg none', forged({ ...header, alg: 'none' }, payload), 'malformed'],
    ['with another algorithm', forged({ ...header, alg: 'HS256' }, payload), 'malformed'],
    ['without a type', forged({ alg: 'EdDSA', kid: 'root-1' }, payload), 'malformed'],
    ['of another type', forged({ ...header, typ: 'JWT' }, payload), 'malformed'],
    ['with critical extensions', forged({ ...header, crit: ['b64'], b64: false }, payload), 'malformed'],
    ['without a key id', forged({ ...header, kid: undefined }, payload), 'malformed'],
    ['whose header says a name twice', forged('{"alg":"EdDSA","alg":"EdDSA"}', payload), 'malformed'],
    ['whose payload says a name twice', forged(header, '{"exp":9,"exp":9999999999}'), 'malformed'],
    ['with a byte-order mark', forged(header, `\ufeff${JSON.stringify(payload)}`), 'malformed'],
    ['whose payload is a list', forged(header, [payload]), 'malformed'],
    ['without an end', forged(header, { ...payload, exp: undefined }), 'malformed'],
    ['with a text for its end', forged(header, { ...payload, exp: '9999999999' }), 'malformed'],
    ['without keys', forged(header, { ...payload, keys: [] }), 'bad_keyring'],
    ['with a key that is none', forged(header, { ...payload, keys: [null] }), 'bad_keyring'],
    [
      'with a private key',
      forged(header, { ...payload, keys: [{ ...keyOf(payload), d: 'AAAA' }] }),
      'bad_keyring',
    ],
    ['of four parts', `${signed()}.`, 'malformed'],
    ['with padding', `${signed()}=`, 'malformed'],
    ['that is empty', '', 'malformed'],
    ['that is long', 'a'.repeat(20_000), 'malformed'],
    ['with other letters', `${signed().slice(0, -1)}é`, 'malformed'],
  ])('%s is refused', (_, document, code, changes = {}) => {
    expect(codeOf(document, changes)).toBe(code);
  });

  test('no key outlives it, whatever it says of that key', () => {
    const later = { ...keyOf(payload), exp: 9_999_999_999 };
    const result = read(forged(header, { ...payload, keys: [later] }));
    if (!result.ok) throw new Error(result.code);
    expect(result.keyring.find('in-memory', NOW_MS + HOUR_MS)).toEqual({ ok: false, code: 'kid_retired' });
  });

  test('is refused when any byte of it is another one, or missing', () => {
    const document = signed();
    for (let at = 0; at < document.length; at++) {
      const flipped = String.fromCharCode(document.charCodeAt(at) ^ 1);
      for (const changed of [flipped, ''])
        expect([at, codeOf(document.slice(0, at) + changed + document.slice(at + 1))]).not.toEqual([
          at,
          'ok',
        ]);
    }
  });
});

function keyOf({ keys }: Record<string, unknown>): object {
  return (keys as object[])[0] ?? {};
}

function retiredRoots(): FeedbackKeyring {
  const publicKey = encodePublicKey(root.publicKey, 'base64').trim();
  const made = keyringFromMap({ 'root-1': { publicKey, notAfterMs: NOW_MS } });
  if (!made.ok) throw new Error(made.fault.code);
  return made.keyring;
}
