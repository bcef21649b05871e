import { Counter, Gauge, Registry } from 'prom-client';
import type { WorkerState } from '../../../../src/serve/workers/messages.js';
import {
  supervisorView,
  type WorkerLook,
  MergedMetrics,
  type MetricsJson,
} from '../../../../src/serve/workers/supervisor-view.js';
import { DecisionMetrics } from '../../../../src/observability/decision-metrics.js';

const WELL: WorkerState = { kind: 'state', serving: true, components: [{ name: 'audit', fault: undefined }] };
const UNWELL: WorkerState = {
  kind: 'state',
  serving: false,
  components: [
    { name: 'audit', fault: 'the disk is full' },
    { name: 'nonce_store', fault: undefined },
  ],
};

/** What a worker answers is under its topic. */
function worker(number: number, state: WorkerState | undefined, answers = {}): WorkerLook {
  const told = new Map<string, unknown>(Object.entries(answers));
  return {
    number,
    pid: state && 100 + number,
    state,
    replacements: number,
    ask: (topic) => Promise.resolve(told.get(topic)),
  };
}

describe('readiness of several workers', () => {
  it.each<[string, (WorkerState | undefined)[], string | undefined, string | undefined]>([
    ['all well', [WELL, WELL], undefined, undefined],
    ['one away', [WELL, undefined], undefined, 'worker 1 does not run'],
    ['one unwell', [UNWELL, WELL], undefined, 'worker 0: audit: the disk is full'],
    [
      'none well',
      [UNWELL, undefined],
      'worker 0: audit: the disk is full; worker 1 does not run',
      'worker 0: audit: the disk is full; worker 1 does not run',
    ],
  ])('with %s', (_title, states, fault, note) => {
    const { health } = supervisorView(states.map((state, number) => worker(number, state)));
    expect(health.isServing()).toBe(fault === undefined);
    expect(health.states()[0]).toEqual({ name: 'workers', fault, note });
  });

  it.each(['configuration', 'keys', 'key_sets', 'key_sources', 'report_only'])(
    'has what a worker says of %s while it serves',
    (name) => {
      const components = [{ name, fault: undefined, note: 'look here' }];
      const { health } = supervisorView([worker(0, WELL), worker(1, { ...WELL, components })]);
      expect(health.isServing()).toBe(true);
      expect(health.states()).toContainEqual({ name, fault: undefined, note: 'look here' });
    },
  );

  it('is over when it drains', () => {
    const { health } = supervisorView([worker(0, WELL)]);
    health.drain();
    expect(health.isServing()).toBe(false);
  });
});

describe('what the admin port shows of several workers', () => {
  it('is the facts of one, and of each how it is', async () => {
    const status = { configuration: { generation: 3 }, policies: ['p'] };
    const view = supervisorView([worker(0, undefined), worker(1, UNWELL), worker(2, WELL, { status })]);
    expect(await view.describe()).toEqual({
      ...status,
      workers: [
        {
          worker: 0,
          pid: undefined,
          serving: false,
          reason: 'worker 0 does not run',
          replacements: 0,
          configuration: undefined,
        },
        {
          worker: 1,
          pid: 101,
          serving: false,
          reason: 'worker 1: audit: the disk is full',
          replacements: 1,
          configuration: undefined,
        },
        {
          worker: 2,
          pid: 102,
          serving: true,
          reason: undefined,
          replacements: 2,
          configuration: { generation: 3 },
        },
      ],
    });
  });

  it('counts replacements and who serves', async () => {
    const text = await supervisorView([worker(0, WELL), worker(1, undefined)]).registry.metrics();
    expect(text.split('\n').filter((line) => line.startsWith('countersign_worker'))).toEqual([
      'countersign_worker_serving{worker="0"} 1',
      'countersign_worker_serving{worker="1"} 0',
      'countersign_worker_replacements_total{worker="0"} 0',
      'countersign_worker_replacements_total{worker="1"} 1',
    ]);
  });

  it('asks all workers for the public keys, as those in memory are their own', async () => {
    const [shared, own, other] = ['shared', 'own', 'other'].map((kid) => ({ kid }));
    const view = supervisorView([
      worker(0, undefined),
      worker(1, UNWELL, { keyring: { keys: [shared, own] } }),
      worker(2, WELL, { keyring: { keys: [shared, other] } }),
    ]);
    expect(await view.keyring?.('t')).toEqual({ keys: [shared, own, other] });
    expect(await supervisorView([worker(0, undefined)]).keyring?.('t')).toBeUndefined();
  });
});

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
