import { createSodiumEngine, loadSodium } from '../../../src/crypto/engines.js';
import { portableKeyPair, portableSign } from '../../../src/crypto/portable.js';
import { generateKeyPair, zeroize } from '../../../src/crypto/private-key.js';
import { createSodiumSigner, nodeSigner, selectSigner } from '../../../src/crypto/signing.js';
import { fromHex, toHex, vectors } from './support.js';

const sodium = loadSodium();

describe('the engine of the hot path', () => {
  it('calls sodium-native when that has loaded', () => {
    const calls: string[] = [];
    const engine = createSodiumEngine({
      crypto_sign_verify_detached: (signature, message, publicKey) =>
        calls.push([signature, message, publicKey].map(toHex).join(' ')) > 0,
      crypto_sign_detached: () => undefined,
      crypto_hash_sha256: () => undefined,
    });
    expect(engine.verify(fromHex('01'), fromHex('02'), fromHex('03'))).toBe(true);
    expect(calls).toEqual(['01 02 03']);
  });
});

const signers = [nodeSigner, ...(sodium === undefined ? [] : [createSodiumSigner(sodium)])];

describe.each(signers.map((signer) => ({ name: signer.name, signer })))(
  'signing with $name',
  ({ signer }) => {
    it.each(vectors.rfc8032)('gives the signature of RFC 8032 §7.1 $name', (vector) => {
      const key = generateKeyPair(fromHex(vector.seed));
      for (let round = 0; round < 2; round++) {
        expect(toHex(signer.sign(key, fromHex(vector.message)))).toBe(vector.signature);
      }
    });

    it('throws once the key was zeroized, used before or not', () => {
      const key = generateKeyPair(fromHex(vectors.key.seed));
      signer.sign(key, fromHex('00'));
      zeroize(key);
      expect(() => signer.sign(key, fromHex('00'))).toThrow('zeroized');
    });
  },
);

describe('signing by default', () => {
  it.each(vectors.rfc8032)(
    'gives the signature of RFC 8032 §7.1 $name, on the server and portably',
    (vector) => {
      const message = fromHex(vector.message);
      expect(toHex(selectSigner().sign(generateKeyPair(fromHex(vector.seed)), message))).toBe(
        vector.signature,
      );
      expect(toHex(portableSign(portableKeyPair(fromHex(vector.seed)), message))).toBe(vector.signature);
    },
  );

  it('uses the fallback where sodium-native cannot be loaded', () => {
    expect(selectSigner(() => undefined)).toBe(nodeSigner);
  });
});
