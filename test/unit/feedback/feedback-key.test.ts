import { inspect } from 'node:util';
import { generateKeyPair, zeroize } from '../../../src/crypto/private-key.js';
import { nodeSigner, selectSigner, type Signer } from '../../../src/crypto/signing.js';
import { LocalFeedbackKey } from '../../../src/feedback/feedback-key.js';
import { publishedKeys, toJwkSet, toKeyMap } from '../../../src/feedback/keyring.js';
import { findDisagreeingKey } from '../../../src/feedback/feedback-settings.js';
import { parsePublicKey } from '../../../src/crypto/public-key.js';
import { TENANT } from '../../support/signed-feedback.js';
import { feedbackKey, feedbackSettings } from '../../support/signing.js';

const signer = selectSigner();
const always = { notBeforeMs: -Infinity, notAfterMs: Infinity };

describe('a feedback key', () => {
  test('shows its id and the hash of its public half, and nothing more', () => {
    const pair = generateKeyPair(Buffer.from('0123456789abcdef0123456789abcdef'));
    const key = new LocalFeedbackKey('fb', pair, always);
    const shown = [JSON.stringify({ key }), inspect(key, { depth: 9, showHidden: true, getters: true })];
    expect(JSON.parse(shown[0]!)).toEqual({ key: { kid: 'fb', publicKey: pair.publicKey.fingerprint } });
    for (const text of shown) {
      expect(text).not.toContain('30, 31, 32');
      expect(text).not.toMatch(/48,\s*49,\s*50/);
      expect(text).not.toContain('MDEyMzQ1');
    }
    expect(Object.getOwnPropertyNames(key).sort()).toEqual([
      'document',
      'kid',
      'kind',
      'notAfterMs',
      'notBeforeMs',
      'publicKey',
    ]);
    expect(Object.isFrozen(key)).toBe(true);
  });

  test.each([signer, nodeSigner])('agrees with tweetnacl when $name signs', (engine) => {
    expect(feedbackKey().agreesWith(engine)).toBe(true);
  });

  test.each<[string, Signer['sign']]>([
    ['signs with another key', (_, message) => signer.sign(generateKeyPair(new Uint8Array(32)), message)],
    ['signs something else', (key) => signer.sign(key, new Uint8Array(1))],
    ['gives nothing', () => new Uint8Array(0)],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
  ])('disagrees with an engine that %s', (_, sign) => {
    expect(feedbackKey().agreesWith({ name: 'broken', sign })).toBe(false);
  });

  test('disagrees once it was wiped', () => {
    const pair = generateKeyPair(new Uint8Array(32).fill(4));
    const key = new LocalFeedbackKey('fb', pair, always);
    zeroize(pair);
    expect(key.agreesWith(signer)).toBe(false);
    expect(() => key.sign(signer, new Uint8Array(1))).toThrow('zeroized');
  });
});

describe('the self-test of signing', () => {
  const own = { keys: [feedbackKey('own', 3)], activeKid: undefined };
  const settings = feedbackSettings({ tenantDomains: new Map([[TENANT, own]]) });

  test('passes with the engine of this platform', () => {
    expect(findDisagreeingKey(settings, signer)).toBeUndefined();
  });

  test('names the key, in whatever domain, with which an engine is wrong', () => {
    const wrong: Signer = {
      name: 'wrong with one key',
      sign: (key, message) =>
        key.publicKey.fingerprint === own.keys[0]!.publicKey.fingerprint
          ? new Uint8Array(64)
          : signer.sign(key, message),
    };
    expect(findDisagreeingKey(settings, wrong)).toBe('own');
  });
});

describe('the published keys', () => {
  const keys = [
    feedbackKey('ended', 1, { notAfterMs: 1000 }),
    feedbackKey('ends', 2, { notBeforeMs: 0, notAfterMs: 1001 }),
    feedbackKey('comes', 3, { notBeforeMs: 5000 }),
  ];
  const moving = [keys[1]!, feedbackKey('own', 4)];
  const settings = feedbackSettings({
    defaultDomain: { keys, activeKid: undefined },
    tenantDomains: new Map([[TENANT, { keys: moving, activeKid: 'own' }]]),
  });
  const kidsAt = (nowMs: number, tenant?: string) =>
    publishedKeys(settings, nowMs, tenant).map(({ kid }) => kid);

  test('are those of all domains that have not ended, each once', () => {
    expect(kidsAt(1000)).toEqual(['ends', 'comes', 'own']);
    expect(kidsAt(1001)).toEqual(['comes', 'own']);
  });

  test('of a tenant are those of its domain', () => {
    expect(kidsAt(1000, TENANT)).toEqual(['ends', 'own']);
    expect(kidsAt(1000, 'another')).toEqual(['ends', 'comes']);
  });

  test('are public keys that our own parser reads, with the bounds of their validity', () => {
    const [ends, comes, own] = toJwkSet(publishedKeys(settings, 1000)).keys;
    expect([ends, comes, own]).toMatchObject([{ nbf: 0, exp: 1.001 }, { nbf: 5 }, { kid: 'own' }]);
    expect(Object.keys(comes!)).not.toContain('exp');
    expect(Object.keys(own!)).toEqual(['kty', 'crv', 'x', 'kid', 'use', 'alg']);
    const parsed = parsePublicKey(JSON.stringify(own));
    expect(parsed.ok && parsed.key.fingerprint).toBe(moving[1]!.publicKey.fingerprint);
  });

  test('make a map even for an id that means something to JavaScript', () => {
    const map = toKeyMap([feedbackKey('__proto__', 5)]);
    expect(JSON.parse(JSON.stringify(Object.fromEntries(map)))).toEqual(
      Object.fromEntries([['__proto__', expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/) as string]]),
    );
  });
});
