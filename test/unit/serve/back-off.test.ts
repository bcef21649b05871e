import { BackOff } from '../../../src/serve/back-off.js';

describe('the pause before a process is started again', () => {
  it('is none at first, then doubles up to ten seconds', () => {
    const backOff = new BackOff();
    const pauses = Array.from({ length: 11 }, () => backOff.pauseMilliseconds(50));
    expect(pauses).toEqual([0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
  });

  it('is none again after a sound life', () => {
    const backOff = new BackOff();
    for (let death = 0; death < 5; death++) backOff.pauseMilliseconds(50);
    expect([10_000, 9_999, 9_999].map((life) => backOff.pauseMilliseconds(life))).toEqual([0, 100, 200]);
  });
});
