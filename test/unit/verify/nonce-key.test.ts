import { createHash } from 'node:crypto';
import { nonceKey } from '../../../src/verify/nonce-key.js';
import { NONCE, otherKey, producerKey } from '../../support/signed-request.js';

const { publicKey } = producerKey;

describe('the key of a nonce', () => {
  it.each([
    ['request', NONCE],
    ['bundle', NONCE],
    ['bundle', 'ü'.repeat(12)],
    ['bundle', `${NONCE}漢😀`],
  ] as const)(
    'is SHA-256 over length-prefixed purpose, key fingerprint and nonce: %s, %s',
    (purpose, nonce) => {
      const parts = [Buffer.from(purpose), publicKey.fingerprintBytes, Buffer.from(nonce)];
      const prefixed = parts.flatMap((part) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(part.length);
        return [length, part];
      });
      expect(nonceKey(purpose, publicKey, nonce)).toEqual(
        createHash('sha256').update(Buffer.concat(prefixed)).digest(),
      );
    },
  );

  it('differs by purpose, by key and by nonce', () => {
    const keys = [
      nonceKey('request', publicKey, NONCE),
      nonceKey('bundle', publicKey, NONCE),
      nonceKey('request', otherKey.publicKey, NONCE),
      nonceKey('request', publicKey, `${NONCE}x`),
    ];
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(4);
  });

  it('counts bytes where a bundle nonce is not ASCII', () => {
    expect(nonceKey('bundle', publicKey, 'ü'.repeat(12))).not.toEqual(
      nonceKey('bundle', publicKey, 'u'.repeat(12)),
    );
    expect(nonceKey('bundle', publicKey, 'ü'.repeat(12))).toHaveLength(32);
  });
});
