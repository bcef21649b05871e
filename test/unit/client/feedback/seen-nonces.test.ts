import { MemorySeenNonces } from '../../../../src/client/feedback/index.js';

function setUp(maxNonces?: number) {
  const time = { nowMs: 1_000 };
  return { time, nonces: new MemorySeenNonces({ clock: { nowMs: () => time.nowMs }, maxNonces }) };
}

describe('the seen nonces', () => {
  it('take a nonce once', () => {
    const { nonces } = setUp();
    expect([nonces.claim('a', 5_000), nonces.claim('b', 5_000), nonces.claim('a', 9_000)]).toEqual([
      ...['new', 'new', 'seen'],
    ]);
  });

  it.each(['__proto__', 'constructor', ''])('know nothing of %p beforehand', (nonce) => {
    const { nonces } = setUp();
    expect([nonces.claim(nonce, 5_000), nonces.claim(nonce, 5_000)]).toEqual(['new', 'seen']);
  });

  it('refuse when they are full, and forget none that still counts', () => {
    const { time, nonces } = setUp(2);
    nonces.claim('a', 2_000);
    nonces.claim('b', 3_000);
    time.nowMs = 1_999;
    expect([nonces.claim('c', 9_000), nonces.claim('a', 9_000), nonces.claim('b', 9_000)]).toEqual([
      ...['full', 'seen', 'seen'],
    ]);
  });

  it('make room of those that have ended', () => {
    const { time, nonces } = setUp(2);
    nonces.claim('a', 2_000);
    nonces.claim('b', 3_000);
    time.nowMs = 2_000;
    expect([nonces.claim('c', 9_000), nonces.claim('d', 9_000), nonces.claim('b', 9_000)]).toEqual([
      ...['new', 'full', 'seen'],
    ]);
  });

  it('do not take what they may have forgotten when the clock is set back', () => {
    const { time, nonces } = setUp(1);
    nonces.claim('a', 2_000);
    time.nowMs = 2_500;
    expect(nonces.claim('b', 3_000)).toBe('new');
    time.nowMs = 1_500;
    expect(nonces.claim('a', 2_000)).toBe('seen');
  });

  it.each([0, -1, 1.5, NaN, Infinity])('cannot hold %p nonces', (maxNonces) => {
    expect(() => setUp(maxNonces)).toThrow(RangeError);
  });
});
