import { createStrictVerifier } from '../../../src/crypto/ed25519.js';
import { chooseEngine, createSodiumEngine, loadSodium, nodeEngine } from '../../../src/crypto/engines.js';
import { chooseNative, createNativeEngine } from '../../../src/crypto/native-engine.js';
import { fromHex, itWithNative, nativeEngine, vectors } from './support.js';

const dalek = { name: 'ed25519-dalek', verify: () => true };
const built = () => ({ engine: dalek });
const notBuilt = () => ({ engine: undefined, fault: undefined });
const sodium = loadSodium();

describe('the engine in use', () => {
  it('is ed25519-dalek where it was built, with nothing to say', () => {
    expect(chooseEngine(() => undefined, built)).toEqual({ engine: dalek, notes: [] });
  });

  it('is sodium-native where nothing was built, which needs no word', () => {
    if (sodium === undefined) return;
    const { engine, notes } = chooseEngine(() => sodium, notBuilt);
    expect([engine.name, notes]).toEqual(['sodium-native', []]);
  });

  it('is node:crypto where neither is there, and says so', () => {
    const { engine, notes } = chooseEngine(() => undefined, notBuilt);
    expect(engine).toBe(nodeEngine);
    expect(notes).toEqual([expect.stringMatching(/^node:crypto verifies signatures/)]);
  });

  it('is another one where what was built is no good, and says why', () => {
    const { engine, notes } = chooseEngine(
      () => undefined,
      () => ({ engine: undefined, fault: 'does not load: wrong architecture' }),
    );
    expect(engine).toBe(nodeEngine);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toBe('the engine of native/ is not used: it does not load: wrong architecture');
  });
});

describe('what was built', () => {
  const failing = (code: string) => () => {
    throw Object.assign(new Error('a reason'), { code });
  };
  /** Takes what the module is given as a verdict. */
  const answering = (verify: (raw: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean) => ({
    PublicKey: class {
      readonly #raw: Uint8Array;
      constructor(raw: Uint8Array) {
        this.#raw = raw;
      }
      verify(message: Uint8Array, signature: Uint8Array): boolean {
        return verify(this.#raw, message, signature);
      }
    },
  });

  it.each<[string, () => unknown, string | undefined]>([
    ['is not there', failing('MODULE_NOT_FOUND'), undefined],
    ['does not load', failing('ERR_DLOPEN_FAILED'), 'does not load: a reason'],
    ['is something else', () => ({ PublicKey: 1 }), 'is not what make native builds'],
    ['is nothing', () => null, 'is not what make native builds'],
    [
      'accepts all',
      () => answering(() => true),
      'gives a wrong verdict of R plus a point of order 8: only the cofactored equation holds',
    ],
    ['refuses all', () => answering(() => false), 'gives a wrong verdict of RFC 8032 §7.1 TEST 1'],
    ['throws', () => answering(failing('')), 'gives a wrong verdict of RFC 8032 §7.1 TEST 1'],
  ])('and %s is not used', (_, load, fault) => {
    expect(chooseNative(load)).toEqual({ engine: undefined, fault });
  });

  it('is used where every verdict is right, and reads a key once', () => {
    let keys = 0;
    const { PublicKey } = answering((raw, message, signature) => nodeEngine.verify(signature, message, raw));
    const counting = class extends PublicKey {
      constructor(raw: Uint8Array) {
        super(raw);
        keys += 1;
      }
    };
    expect(chooseNative(() => ({ PublicKey: counting })).engine?.name).toBe('ed25519-dalek');
    keys = 0;
    const engine = createNativeEngine({ PublicKey: counting });
    const raw = fromHex(vectors.key.publicKey);
    for (let round = 0; round < 3; round++)
      expect(engine.verify(fromHex(vectors.key.signature), fromHex(vectors.key.message), raw)).toBe(true);
    expect(keys).toBe(1);
  });
});

describe('the engine of native/', () => {
  const signature = fromHex(vectors.key.signature);
  const message = fromHex(vectors.key.message);
  const raw = fromHex(vectors.key.publicKey);

  itWithNative('gives no verdict but false, and does not throw, whatever bytes it is given', () => {
    const engine = nativeEngine!;
    for (const length of [0, 1, 31, 33, 64, 1000]) {
      expect(engine.verify(signature, message, new Uint8Array(length))).toBe(false);
      expect(engine.verify(new Uint8Array(length), message, raw)).toBe(false);
    }
    // No point of the curve has this y.
    expect(engine.verify(signature, message, new Uint8Array(32).fill(2))).toBe(false);
    expect(engine.verify(signature, message, raw)).toBe(true);
  });

  itWithNative('reads parts of buffers, and not what lies around them', () => {
    const around = new Uint8Array(message.length + 20).fill(7);
    around.set(message, 9);
    const part = around.subarray(9, 9 + message.length);
    const signed = new Uint8Array(80).fill(9);
    signed.set(signature, 3);
    expect(nativeEngine!.verify(signed.subarray(3, 67), part, raw)).toBe(true);
    around[9] = 8 ^ message[0]!;
    expect(nativeEngine!.verify(signed.subarray(3, 67), part, raw)).toBe(false);
  });

  itWithNative('throws, as others do, where it is not given bytes', () => {
    const given = (value: unknown) => value as Uint8Array;
    expect(() => nativeEngine!.verify(given('text'), message, raw)).toThrow();
    expect(() => nativeEngine!.verify(signature, given(undefined), raw)).toThrow();
    expect(() => nativeEngine!.verify(signature, message, given({}))).toThrow();
    expect(nativeEngine!.verify(signature, message, raw)).toBe(true);
  });

  itWithNative('agrees with libsodium and OpenSSL on a thousand signatures, most of them spoilt', () => {
    const others = [nodeEngine, ...(sodium === undefined ? [] : [createSodiumEngine(sodium)])];
    const verifiers = [nativeEngine!, ...others].map(createStrictVerifier);
    let accepted = 0;
    for (let round = 0; round < 1_000; round++) {
      // Every byte of the signature gets its turn, with bits that depend on the round.
      const spoilt = signature.slice();
      spoilt[round % 64]! ^= round < 936 ? (round * 37) & 0xff : 0;
      const verdicts = new Set(verifiers.map((verifier) => verifier.verify({ raw }, message, spoilt)));
      expect([round, verdicts.size]).toEqual([round, 1]);
      if (verdicts.has(true)) accepted += 1;
    }
    expect(accepted).toBeGreaterThanOrEqual(64);
    expect(accepted).toBeLessThan(100);
  });
});
