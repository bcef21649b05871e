import { createClockGuard } from '../../../src/nonces/clock-guard.js';
import { fakeClock, START_SECONDS } from '../../contract/nonce-claims.js';

function guarded(settleMs = 5_000) {
  const clock = fakeClock(START_SECONDS);
  const settledAt: number[] = [];
  const guard = createClockGuard({ clock, settleMs, onSettled: (ms) => settledAt.push(ms) });
  return { clock, guard, settledAt };
}

describe('the clock guard', () => {
  it('gives the time of a clock that runs evenly', () => {
    const { clock, guard } = guarded();
    clock.advance(3_600);
    expect(guard.observe()).toBe((START_SECONDS + 3_600) * 1000);
    expect(guard.doubt()).toBeUndefined();
  });

  it.each([
    [0.999, true],
    [-0.999, true],
    [1.001, false],
    [-1.001, false],
  ])('takes a step of %d s for a clock that runs evenly: %s', (seconds, even) => {
    const { clock, guard } = guarded();
    clock.step(seconds);
    expect(guard.observe() !== undefined).toBe(even);
    expect(guard.steps()).toBe(even ? 0 : 1);
  });

  it('allows for the slew of a long time without a look', () => {
    const { clock, guard } = guarded();
    clock.advance(86_400);
    clock.step(86_400 * 400e-6);
    expect(guard.observe()).toBeDefined();
  });

  it('believes again what runs evenly for the settling time, and says the later of both clocks', () => {
    const { clock, guard, settledAt } = guarded();
    clock.step(-100);
    expect(guard.observe()).toBeUndefined();
    expect(guard.doubt()).toMatch(/stepped by -100000 ms/);
    clock.advance(4.999);
    expect(guard.observe()).toBeUndefined();
    clock.advance(0.001);
    expect(guard.observe()).toBe((START_SECONDS - 95) * 1000);
    expect(settledAt).toEqual([(START_SECONDS + 5) * 1000]);
  });

  it('begins to wait anew with every further step', () => {
    const { clock, guard, settledAt } = guarded();
    for (let step = 0; step < 5; step += 1) {
      clock.step(10);
      expect(guard.observe()).toBeUndefined();
      clock.advance(4);
    }
    expect(guard.steps()).toBe(5);
    expect(settledAt).toEqual([]);
  });

  it('doubts a clock that gives no number', () => {
    let wall = START_SECONDS * 1000;
    const clock = { nowMs: () => wall, monotonicMs: () => 0 };
    const guard = createClockGuard({ clock, onSettled: () => undefined });
    wall = Number.NaN;
    expect(guard.observe()).toBeUndefined();
  });
});
