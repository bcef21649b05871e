import { ClockStepDetector } from '../../../src/nonces/clock-step-detector.js';
import { fakeClock, START_SECONDS } from '../../contract/nonce-claims.js';

function watched(settleMs = 5_000) {
  const clock = fakeClock(START_SECONDS);
  const settledAt: number[] = [];
  const detector = new ClockStepDetector({ clock, settleMs, onSettled: (ms) => settledAt.push(ms) });
  return { clock, detector, settledAt };
}

describe('the clock step detector', () => {
  it('gives the time of a clock that runs evenly', () => {
    const { clock, detector } = watched();
    clock.advance(3_600);
    expect(detector.observe()).toBe((START_SECONDS + 3_600) * 1000);
    expect(detector.doubt()).toBeUndefined();
  });

  it.each([
    [0.999, true],
    [-0.999, true],
    [1.001, false],
    [-1.001, false],
  ])('takes a step of %d s for a clock that runs evenly: %s', (seconds, even) => {
    const { clock, detector } = watched();
    clock.step(seconds);
    expect(detector.observe() !== undefined).toBe(even);
    expect(detector.steps()).toBe(even ? 0 : 1);
  });

  it('allows for the slew of a long time without a look', () => {
    const { clock, detector } = watched();
    clock.advance(86_400);
    clock.step(86_400 * 400e-6);
    expect(detector.observe()).toBeDefined();
  });

  it('believes again what runs evenly for the settling time, and says the later of both clocks', () => {
    const { clock, detector, settledAt } = watched();
    clock.step(-100);
    expect(detector.observe()).toBeUndefined();
    expect(detector.doubt()).toMatch(/stepped by -100000 ms/);
    clock.advance(4.999);
    expect(detector.observe()).toBeUndefined();
    clock.advance(0.001);
    expect(detector.observe()).toBe((START_SECONDS - 95) * 1000);
    expect(settledAt).toEqual([(START_SECONDS + 5) * 1000]);
  });

  it('begins to wait anew with every further step', () => {
    const { clock, detector, settledAt } = watched();
    for (let step = 0; step < 5; step += 1) {
      clock.step(10);
      expect(detector.observe()).toBeUndefined();
      clock.advance(4);
    }
    expect(detector.steps()).toBe(5);
    expect(settledAt).toEqual([]);
  });

  it('doubts a clock that gives no number', () => {
    let wall = START_SECONDS * 1000;
    const clock = { nowMs: () => wall, monotonicMs: () => 0 };
    const detector = new ClockStepDetector({ clock, onSettled: () => undefined });
    wall = Number.NaN;
    expect(detector.observe()).toBeUndefined();
  });
});
