import { nodeEngine, selectEngine } from '../../../src/crypto/engines.js';
import { selfTest } from '../../../src/crypto/self-test.js';

describe('the start-up self-test', () => {
  it('passes with every engine of this platform', () => {
    expect(selfTest([selectEngine(), nodeEngine])).toEqual({ ok: true });
  });

  it.each([
    ['accepts everything', () => true, 'R plus a point of order 8: only the cofactored equation holds'],
    ['refuses everything', () => false, 'RFC 8032 §7.1 TEST 1'],
    [
      'throws',
      () => {
        throw new Error('no such symbol');
      },
      'RFC 8032 §7.1 TEST 1',
    ],
    [
      'does not read the last byte of the message',
      (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
        message.length !== 27 ? nodeEngine.verify(signature, message, key) : signature[0] === 0x13,
      'the form of our signature base, S tampered',
    ],
  ])('names an engine that %s, and the case', (_, verify, wrongCase) => {
    expect(selfTest([nodeEngine, { name: 'broken', verify }])).toEqual({
      ok: false,
      engine: 'broken',
      case: wrongCase,
    });
  });
});
