import { createStrictVerifier, hasStrictForm } from '../../../src/crypto/ed25519.js';
import { readPublicKey } from '../../../src/crypto/key-text.js';
import { parsePublicKey } from '../../../src/crypto/public-key.js';
import { fromHex, vectors, verifiers } from './support.js';

const message = fromHex(vectors.key.message);
const signature = fromHex(vectors.key.signature);
const raw = fromHex(vectors.key.publicKey);

describe.each(verifiers.map((verifier) => ({ name: verifier.engineName, verifier })))(
  'strict Ed25519 over $name',
  ({ verifier }) => {
    it.each(vectors.rfc8032)('accepts RFC 8032 §7.1 $name', (vector) => {
      const key = { raw: fromHex(vector.publicKey) };
      expect(verifier.verify(key, fromHex(vector.message), fromHex(vector.signature))).toBe(true);
    });

    it('accepts the signature that the refused ones were made from', () => {
      expect(verifier.verify({ raw }, message, signature)).toBe(true);
    });

    it.each(vectors.refusedSignatures)('refuses $name', (vector) => {
      expect(verifier.verify({ raw }, message, fromHex(vector.signature))).toBe(false);
    });

    it('takes Buffers and views into larger memory', () => {
      const framed = Buffer.concat([Buffer.from('before'), message, Buffer.from('after')]);
      const view = framed.subarray(6, 6 + message.length);
      expect(verifier.verify({ raw }, view, Buffer.from(signature))).toBe(true);
    });
  },
);

describe('the form of a signature', () => {
  it.each(vectors.refusedSignatures)('is judged alone for $name', (vector) => {
    expect(hasStrictForm(fromHex(vector.signature))).toBe(vector.form === 'strict');
  });

  it('is judged before the engine is asked', () => {
    const asked: string[] = [];
    const engine = { name: 'spy', verify: () => asked.push('asked') > 0 };
    const verifier = createStrictVerifier(engine);
    const refused = vectors.refusedSignatures.filter(({ form }) => form === 'refused');
    for (const { signature: hex } of refused) verifier.verify({ raw }, message, fromHex(hex));
    expect(asked).toEqual([]);
    expect(verifier.verify({ raw }, message, signature)).toBe(true);
  });
});

describe('a public key', () => {
  it.each(vectors.unacceptableKeys)('is refused when it is $name', ({ publicKey, fault }) => {
    const bytes = fromHex(publicKey);
    const refused = { code: 'bad_point', encoding: 'raw', point: fault };
    expect(parsePublicKey(bytes)).toEqual({ ok: false, fault: refused });
    expect(readPublicKey(bytes)).toEqual(refused);
  });

  it.each(vectors.forgeriesUnderUnacceptableKeys)('never gets as far as: $name', (forgery) => {
    expect(parsePublicKey(fromHex(forgery.publicKey)).ok).toBe(false);
    expect(readPublicKey(fromHex(forgery.publicKey))).toHaveProperty('code');
  });

  it.each(vectors.rfc8032)('of RFC 8032 §7.1 $name is taken', ({ publicKey }) => {
    expect(parsePublicKey(fromHex(publicKey)).ok).toBe(true);
    expect(readPublicKey(fromHex(publicKey))).toEqual({ raw: fromHex(publicKey), encoding: 'raw' });
  });

  it('of another length is refused by the portable reader', () => {
    const text = Buffer.from(raw.subarray(1)).toString('base64');
    expect(readPublicKey(text)).toEqual({ code: 'wrong_length', actualBytes: 31 });
  });
});
