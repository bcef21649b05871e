import { generateKeyPairSync, sign, verify, createPublicKey } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { FederationFault } from '../../../tools/local-federation/fault.js';
import { ensureSigningKeys, type SigningKeys } from '../../../tools/local-federation/signing-keys.js';
import { temporaryPlace } from './temporary-place.js';

describe('the signing keys of the local federation', () => {
  const place = temporaryPlace();
  const ensure = (): SigningKeys => ensureSigningKeys(place(), ['producer-a', 'producer-b']);

  it('are three different Ed25519 keys in PKCS#8 PEM, readable by their owner alone', () => {
    const { producerA, producerB, feedback } = ensure();
    expect(new Set([producerA.publicKey, producerB.publicKey, feedback.publicKey]).size).toBe(3);
    expect(readFileSync(producerA.file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(statSync(feedback.file).mode & 0o777).toBe(0o600);
  });

  it('state the 32 bytes with which their signatures verify', () => {
    const { producerA } = ensure();
    const x = Buffer.from(producerA.publicKey, 'base64').toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const message = Buffer.from('message');
    expect(verify(null, message, publicKey, sign(null, message, producerA.privateKey))).toBe(true);
  });

  it('are used again, and say that they are not new', () => {
    const first = ensure();
    const second = ensure();
    expect([first.requestKeysAreNew, second.requestKeysAreNew]).toEqual([true, false]);
    expect(second.producerB.publicKey).toBe(first.producerB.publicKey);
  });

  it.each([
    ['no key', 'garbage', /not a private key in PEM/],
    [
      'a key of another kind',
      generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
      /not an Ed25519 key/,
    ],
  ])('are not replaced when a file holds %s', (_what, text, message) => {
    const { producerA } = ensure();
    writeFileSync(producerA.file, text);
    expect(ensure).toThrow(FederationFault);
    expect(ensure).toThrow(message);
    expect(readFileSync(producerA.file, 'utf8')).toBe(text);
  });
});
