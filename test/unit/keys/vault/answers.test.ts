/** What Vault's answers say, from a server that is hostile: cut anywhere, of other types, with other texts. */
import {
  failureOf,
  isToken,
  publicKeyIn,
  remainingLeaseIn,
  renewedLeaseIn,
  signatureIn,
  tokenIn,
} from '../../../../src/keys/vault/answers.js';

const BASE64 = Buffer.alloc(64, 7).toString('base64');
const KEY = Buffer.alloc(32, 9).toString('base64');
const reference = { source: 'transit', key: 'feedback', version: 2 };

const signed = (signature: unknown): unknown => ({ data: { signature, key_version: 2 } });
const keys = (others: object = {}, entry: unknown = { public_key: KEY }): unknown => ({
  data: { type: 'ed25519', derived: false, keys: { 2: entry }, ...others },
});
/** Nothing of the kind that is looked for. */
const STRANGE = [
  undefined,
  null,
  0,
  1,
  true,
  '',
  'x',
  [],
  {},
  [[]],
  { data: null },
  { data: [] },
  { data: 'x' },
  { auth: null },
];

/** Whatever begins the text, and is JSON again. */
function* cuts(value: unknown): Generator {
  const text = JSON.stringify(value);
  for (let length = 0; length < text.length; length += 1) {
    try {
      yield JSON.parse(text.slice(0, length)) as unknown;
    } catch {
      // What is no JSON never gets here.
    }
  }
}

describe('a signature', () => {
  it('is 64 bytes of the version that was asked for', () => {
    expect(signatureIn(signed(`vault:v2:${BASE64}`), 2)).toEqual({
      ok: true,
      bytes: new Uint8Array(64).fill(7),
    });
  });

  it.each(['vault:v1:', 'vault:v3:', 'vault:v22:', 'vault:v4294967298:'])(
    'of %s is none of version 2',
    (prefix) => {
      expect(signatureIn(signed(prefix + BASE64), 2)).toMatchObject({ ok: false, fault: 'refused' });
    },
  );

  it('cut or lengthened anywhere is none', () => {
    const whole = `vault:v2:${BASE64}`;
    for (let length = 0; length < whole.length; length += 1) {
      expect(signatureIn(signed(whole.slice(0, length)), 2).ok).toBe(false);
      expect(signatureIn(signed(whole.slice(length + 1)), 2).ok).toBe(false);
      expect(signatureIn(signed(`${whole.slice(0, length)} ${whole.slice(length)}`), 2).ok).toBe(false);
    }
  });

  it.each([
    `vault:v02:${BASE64}`,
    `vault:v2:${BASE64}\n`,
    `vault:V2:${BASE64}`,
    `hsm:v2:${BASE64}`,
    `vault:v2:${BASE64.replace(/.==$/, 'd==')}`,
    `vault:v2:${BASE64.replaceAll('H', '-')}`,
    `vault:v2:${Buffer.alloc(63).toString('base64')}`,
    `vault:v2:${'A'.repeat(1_000_000)}`,
  ])('is written in one way alone: %#', (text) => {
    expect(signatureIn(signed(text), 2).ok).toBe(false);
  });

  it('is nothing else that JSON can say', () => {
    for (const value of [...STRANGE, ...STRANGE.map(signed), ...cuts(signed(`vault:v2:${BASE64}`))])
      expect(signatureIn(value, 2).ok).toBe(false);
    expect(signatureIn(JSON.parse('{"__proto__":{"data":{"signature":"x"}}}'), 2).ok).toBe(false);
  });
});

describe('a public key', () => {
  it('is 32 bytes of the version that was asked for', () => {
    expect(publicKeyIn(keys(), reference)).toEqual({ ok: true, bytes: new Uint8Array(32).fill(9) });
  });

  it.each([
    keys({ type: 'ecdsa-p256' }),
    keys({ derived: true }),
    keys({ derived: undefined }),
    keys({ keys: { 1: { public_key: KEY } } }),
    keys({ keys: [{}, {}, 1_795_949_405] }),
    keys({}, 1_795_949_405),
    keys({}, { public_key: '' }),
    keys({}, { public_key: `${KEY}\n` }),
    keys({}, { public_key: BASE64 }),
    keys({}, { public_key: { toString: 'x' } }),
    ...STRANGE,
  ])('is none of another type, derivation, version or length: %#', (value) => {
    expect(publicKeyIn(value, reference)).toMatchObject({ ok: false, fault: 'refused' });
  });

  it.each(['__proto__', 'constructor', 'toString'])('is no member that every object has: %s', (name) => {
    const odd = { ...reference, version: name as unknown as number };
    expect(publicKeyIn(keys(), odd).ok).toBe(false);
  });
});

describe('a token and its lease', () => {
  const login = (others: object = {}): unknown => ({
    auth: { client_token: 'hvs.x', lease_duration: 60, renewable: true, ...others },
  });

  it('is what a login answers with', () => {
    expect(tokenIn(login())).toEqual({ token: 'hvs.x', lease: { seconds: 60, renewable: true } });
    expect(renewedLeaseIn(login())).toEqual({ seconds: 60, renewable: true });
    expect(remainingLeaseIn({ data: { ttl: 60, renewable: false } })).toEqual({
      seconds: 60,
      renewable: false,
    });
    expect(remainingLeaseIn({ data: { ttl: 0 } })).toEqual({ seconds: 0, renewable: false });
  });

  it.each([
    { client_token: '' },
    { client_token: 'two words' },
    { client_token: 'x\r\nX-Vault-Token: y' },
    { client_token: 'x\u0000' },
    { client_token: 'ä' },
    { client_token: 'x'.repeat(8_193) },
    { client_token: ['hvs.x'] },
    { lease_duration: -1 },
    { lease_duration: 1.5 },
    { lease_duration: 1e300 },
    { lease_duration: '60' },
    { renewable: 'yes' },
    { renewable: undefined },
  ])('is none with %j', (others) => {
    expect(tokenIn(login(others))).toBeUndefined();
  });

  it('is nothing else that JSON can say', () => {
    for (const value of [...STRANGE, ...cuts(login())]) {
      expect(tokenIn(value)).toBeUndefined();
      expect(renewedLeaseIn(value)).toBeUndefined();
      expect(remainingLeaseIn(value)).toBeUndefined();
    }
    expect(isToken(undefined)).toBe(false);
  });
});

describe('an answer that is none', () => {
  it('is never repeated, whatever it says', () => {
    const secret = 'hvs.CAESIJ-our-token';
    for (const status of [100, 204, 301, 400, 403, 404, 413, 418, 429, 500, 503, 599])
      for (const text of [secret, `signing key not found ${secret}`, `exceeds allowed length ${secret}`])
        expect(JSON.stringify(failureOf(status, Buffer.from(text), 'transit/sign/feedback'))).not.toContain(
          secret,
        );
  });

  it.each([
    [500, 'requested version for signing is higher than the latest key version', 'refused'],
    [500, 'no such key version', 'refused'],
    [500, 'JSON string value exceeds allowed length', 'too_large'],
    [500, 'http: request body too large', 'too_large'],
    [500, '', 'away'],
    [400, '', 'refused'],
    [403, 'signing key not found', 'refused'],
    [503, 'Vault is sealed', 'away'],
  ])('of status %d and %j is %s', (status, text, fault) => {
    expect(failureOf(status, Buffer.from(JSON.stringify({ errors: [text] })), 'x')).toMatchObject({
      fault,
      status,
    });
  });
});
