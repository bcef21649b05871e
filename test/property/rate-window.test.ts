/** The window in seconds against the reservations themselves. */
import fc from 'fast-check';
import { RateWindow } from '../../src/rate-limits/rate-window.js';

const steps = fc.array(fc.record({ pauseSeconds: fc.oneof(fc.nat(3), fc.nat(70)), giveBack: fc.boolean() }), {
  maxLength: 120,
});

/** Reservations that the window has to count: of this second and the sixty before it. */
const within = (taken: readonly number[], second: number): number =>
  taken.filter((at) => at > second - 61).length;

test('it reserves exactly while fewer than the limit were reserved in this second and the sixty before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(100_000), steps, (perMinute, start, sequence) => {
      let window = new RateWindow();
      let second = start;
      let taken: number[] = [];
      for (const { pauseSeconds, giveBack } of sequence) {
        second += pauseSeconds;
        const held = within(taken, second);
        const wait = window.reserve(perMinute, second);
        expect(wait === 0).toBe(held < perMinute);
        if (wait === 0) taken.push(second);
        else {
          expect(within(taken, second + wait)).toBeLessThan(perMinute);
          expect(within(taken, second + wait - 1)).toBe(perMinute);
        }
        const returned = taken.at(-1);
        if (giveBack && returned !== undefined) {
          window.giveBack(returned, second);
          taken = taken.slice(0, -1);
        }
        window = new RateWindow(Buffer.from(window.bytes));
      }
    }),
  );
});

test('a limit that was lowered says how long it takes until enough have left', () => {
  const window = new RateWindow();
  for (const second of [10, 20, 30]) expect(window.reserve(3, second)).toBe(0);
  expect(window.reserve(1, 40)).toBe(30 + 61 - 40);
  expect(window.reserve(2, 40)).toBe(20 + 61 - 40);
  expect(window.reserve(3, 40)).toBe(10 + 61 - 40);
});

test('a window from the future of its clock, or of another length, is one without reservations', () => {
  const ahead = new RateWindow();
  expect(ahead.reserve(1, 5_000)).toBe(0);
  expect(new RateWindow(ahead.bytes).reserve(1, 100)).toBe(0);
  expect(new RateWindow(Buffer.alloc(7, 255)).reserve(1, 100)).toBe(0);
});
