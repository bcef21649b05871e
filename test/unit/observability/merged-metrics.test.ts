import { Counter, Gauge, Registry } from 'prom-client';
import { DecisionMetrics } from '../../../src/observability/decision-metrics.js';
import { MergedMetrics, type MetricsJson } from '../../../src/observability/merged-metrics.js';

/** A process with a counter, a histogram and two gauges. */
class FakeProcess {
  readonly registry = new Registry();
  readonly #decisions = new DecisionMetrics(this.registry);
  answers = true;

  constructor(entries: number) {
    const gauge = (name: string, aggregator: 'sum' | 'max'): void =>
      new Gauge({ name, help: 'h', registers: [this.registry], aggregator }).set(entries);
    gauge('shared_entries', 'max');
    gauge('resident_bytes', 'sum');
  }

  decide(times: number): void {
    const timer = { each: () => undefined, totalMilliseconds: () => 1 };
    for (let time = 0; time < times; time++) this.#decisions.decided('p', 'allow', timer);
  }

  readonly ask = async (): Promise<MetricsJson | undefined> =>
    this.answers ? structuredClone(await this.registry.getMetricsAsJSON()) : undefined;
}

async function lines(merged: MergedMetrics, pattern: RegExp): Promise<string[]> {
  return (await merged.metrics()).split('\n').filter((line) => pattern.test(line));
}

const ALLOWED = /^countersign_decisions_total\{/;
let own: Registry;
let first: FakeProcess;
let second: FakeProcess;
let merged: MergedMetrics;
beforeEach(() => {
  own = new Registry();
  [first, second] = [new FakeProcess(7), new FakeProcess(5)];
  const asks = new Map([first, second].map(({ ask }, number) => [number, ask] as const));
  merged = new MergedMetrics(own, asks);
});

describe('the metrics of several processes', () => {
  it('are the sum of counters and histograms, and of gauges what each of them says it is', async () => {
    first.decide(2);
    second.decide(3);
    expect(await lines(merged, ALLOWED)).toEqual(['countersign_decisions_total{policy="p",code="allow"} 5']);
    expect(await lines(merged, /^countersign_stage_seconds_(count|bucket\{le="\+Inf")/)).toEqual([
      'countersign_stage_seconds_bucket{le="+Inf",stage="total"} 5',
      'countersign_stage_seconds_count{stage="total"} 5',
    ]);
    expect(await lines(merged, /^(shared|resident)/)).toEqual(['shared_entries 7', 'resident_bytes 12']);
  });

  it('contain those of the process that merges', async () => {
    new Counter({ name: 'own_total', help: 'h', registers: [own] }).inc(3);
    expect(await lines(merged, /^own/)).toEqual(['own_total 3']);
  });

  it('show a process that does not answer as it was', async () => {
    first.decide(2);
    await merged.metrics();
    first.answers = false;
    first.decide(1);
    second.decide(1);
    expect(await lines(merged, ALLOWED)).toEqual(['countersign_decisions_total{policy="p",code="allow"} 3']);
  });

  it('never fall when processes die, and lose the gauges of the dead', async () => {
    first.decide(10);
    second.decide(4);
    await merged.metrics();
    for (const process of [first, second]) process.answers = false;
    merged.departed(0);
    merged.departed(1);
    expect(await lines(merged, ALLOWED)).toEqual(['countersign_decisions_total{policy="p",code="allow"} 14']);
    expect(await lines(merged, /^(shared|resident)/)).toEqual([]);
  });

  it('go on from there when another process comes in the place of a dead one, and dies too', async () => {
    first.decide(10);
    await merged.metrics();
    merged.departed(0);
    merged.departed(0);
    expect(await lines(merged, /_count\{stage="total"\}/)).toEqual([
      'countersign_stage_seconds_count{stage="total"} 20',
    ]);
    merged.departed(0);
    first.answers = false;
    expect(await lines(merged, ALLOWED)).toEqual(['countersign_decisions_total{policy="p",code="allow"} 20']);
  });
});
