import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import {
  CounterTable,
  HistogramTable,
  LATENCY_BUCKETS_SECONDS,
} from '../../../src/observability/metric-kinds.js';

/** Lines in any order, as Prometheus reads them. */
const lines = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics())
    .split('\n')
    .filter((line) => line !== '')
    .sort();

describe('a counter table', () => {
  it('shows exactly what prom-client’s own counter would', async () => {
    const words = fc.constantFrom('a', 'b', 'allow', 'quo"te', 'back\\slash', 'new\nline');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(words, words), { minLength: 1, maxLength: 40 }), async (pairs) => {
        const [ours, theirs] = [new Registry(), new Registry()];
        const table = new CounterTable(ours, {
          name: 'decisions_total',
          help: 'Decisions.',
          labels: ['policy', 'code'],
        });
        const options = { name: 'decisions_total', help: 'Decisions.', labelNames: ['policy', 'code'] };
        const counter = new Counter({ ...options, registers: [theirs] });
        for (const [policy, code] of pairs) {
          table.increment(policy, code);
          counter.inc({ policy, code });
        }
        expect(await lines(ours)).toEqual(await lines(theirs));
      }),
      { numRuns: 50 },
    );
  });

  it('can be scraped again and again while it grows', async () => {
    const registry = new Registry();
    const table = new CounterTable(registry, { name: 'n_total', help: 'N.', labels: ['a', 'b'] });
    table.increment('x', 'y');
    expect(await registry.metrics()).toContain('n_total{a="x",b="y"} 1');
    table.increment('x', 'y');
    expect(await registry.metrics()).toContain('n_total{a="x",b="y"} 2');
  });
});

describe('a histogram table', () => {
  it('shows exactly what prom-client’s own histogram would', async () => {
    const seconds = fc.oneof(
      fc.constantFrom(0, ...LATENCY_BUCKETS_SECONDS, 0.25000001, 7),
      fc.integer({ min: 0, max: 400_000 }).map((microseconds) => microseconds / 1_000_000),
    );
    const label = fc.constantFrom('total', 'signature', 'body');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(label, seconds), { minLength: 1, maxLength: 60 }),
        async (samples) => {
          const [ours, theirs] = [new Registry(), new Registry()];
          const options = { name: 'stage_seconds', help: 'Stages.', labels: 'stage' };
          const table = new HistogramTable(ours, options);
          const histogram = new Histogram({
            name: 'stage_seconds',
            help: 'Stages.',
            labelNames: ['stage'],
            buckets: [...LATENCY_BUCKETS_SECONDS],
            registers: [theirs],
          });
          for (const [stage, value] of samples) {
            table.observe(stage, value);
            histogram.observe({ stage }, value);
          }
          expect(await lines(ours)).toEqual(await lines(theirs));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('has buckets from 50 µs to 250 ms', () => {
    expect([LATENCY_BUCKETS_SECONDS[0], LATENCY_BUCKETS_SECONDS.at(-1)]).toEqual([0.00005, 0.25]);
  });
});
