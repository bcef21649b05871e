import { plot } from '../../soak/plot.js';
import { memoryTrend, summed, Window, type Sample } from '../../soak/window.js';

const sample = (seconds: number, verifierMegabytes: number): Sample => ({
  seconds,
  p50: 1,
  p99: 2,
  statuses: { '202': 10 },
  verifierMegabytes,
  envoyMegabytes: 50,
});
const ofVerifier = (one: Sample): number => one.verifierMegabytes;

describe('a stretch of a soak', () => {
  it('knows its quantiles, and how often each status came', () => {
    const window = new Window();
    for (let milliseconds = 100; milliseconds > 0; milliseconds--) window.add(202, milliseconds);
    window.add(503, 1_000);
    expect([window.quantile(0.5), window.quantile(0.99)]).toEqual([51, 100]);
    expect(window.statuses()).toEqual({ 202: 100, 503: 1 });
  });
});

describe('the memory of a soak', () => {
  it('has the trend of its second half: what fills at the beginning is no leak', () => {
    const filling = Array.from({ length: 50 }, (_, at) => sample(at * 10, 100 + at));
    const level = Array.from({ length: 50 }, (_, at) => sample(500 + at * 10, 150));
    expect(memoryTrend([...filling, ...level], ofVerifier)).toBeCloseTo(0);
  });

  it('that grows by a megabyte a minute has a trend of sixty an hour', () => {
    const growing = Array.from({ length: 60 }, (_, minute) => sample(minute * 60, 100 + minute));
    expect(memoryTrend(growing, ofVerifier)).toBeCloseTo(60);
  });
});

it('the statuses of all stretches are added up', () => {
  expect(summed([sample(1, 1), { ...sample(2, 1), statuses: { '202': 5, '0': 1 } }])).toEqual({
    202: 15,
    0: 1,
  });
});

it('a figure is one SVG with a line for each curve, and no number that is none', () => {
  const curves = [
    { name: 'a & b', points: [[0, 1] as const, [10, 5] as const] },
    { name: 'c', points: [] },
  ];
  const svg = plot([{ title: 'memory, MB', curves }]);
  expect(svg.match(/<polyline /g)).toHaveLength(2);
  expect(svg).toContain('a &amp; b');
  expect(svg).not.toMatch(/NaN|Infinity/);
});

it('a logarithmic axis puts equal factors at equal distances, and marks its points', () => {
  const points = [
    [10, 5],
    [100, 5],
    [1_000, 5],
  ] as const;
  const text = plot([{ title: 'growth', curves: [{ name: '', points }] }], {
    isLogarithmic: true,
    mark: (x) => `of ${x}`,
  });
  const [one = NaN, two = NaN, three = NaN] = [...text.matchAll(/cx="([0-9.]+)"/g)].map(([, x]) => Number(x));
  expect(two - one).toBeCloseTo(three - two, 0);
  expect(text).toContain('>of 100<');
});
