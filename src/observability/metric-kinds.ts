/**
 * The kinds of metrics that nothing is paid for until somebody scrapes: a gauge or counter that reads one number then,
 * and tables of counts and times that cost an array write on the hot path. prom-client's own `observe` with labels
 * costs about as much as parsing a whole request header list.
 */
import { Counter, Gauge, type Metric, type MetricValue, type Registry } from 'prom-client';

/** 50 µs to 250 ms: a verifier that answers in under a millisecond needs the low end. */
export const LATENCY_BUCKETS_SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
] as const;

/** Either side of 0: seconds by which a timestamp lies before (negative) or after our clock. */
export const SKEW_BUCKETS_SECONDS = [-60, -30, -20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20, 30, 60] as const;

/** Label names and their values. */
type Labels = Readonly<Record<string, string>>;

/** One number that is read when somebody scrapes. */
interface ScrapedMetric {
  readonly name: string;
  readonly help: string;
  /** Of its one sample. Default: none. */
  readonly labels?: Labels;
  /** How a supervisor merges those of its workers. Default: their sum. */
  readonly aggregator?: 'max' | 'min';
  readonly read: () => number;
}

export function addGauge(registry: Registry, { labels = {}, read, ...metric }: ScrapedMetric): void {
  new Gauge({
    ...metric,
    labelNames: Object.keys(labels),
    registers: [registry],
    collect() {
      this.set(labels, read());
    },
  });
}

/** `read` gives the whole count. */
export function addCounter(registry: Registry, { labels = {}, read, ...metric }: ScrapedMetric): void {
  new Counter({
    ...metric,
    labelNames: Object.keys(labels),
    registers: [registry],
    collect() {
      this.reset();
      this.inc(labels, read());
    },
  });
}

/** A histogram's lines carry names of their own: `_bucket`, `_sum`, `_count`. */
type Values = (MetricValue<string> & { readonly metricName?: string })[];

/** What a table shows. */
interface TableOptions<LabelNames> {
  readonly name: string;
  readonly help: string;
  readonly labels: LabelNames;
}

/** Registers what is read when it is scraped, or asked for by a supervisor that merges. prom-client's types know its own classes alone. */
function register(
  registry: Registry,
  { name, help }: TableOptions<unknown>,
  type: 'counter' | 'histogram',
  values: () => Values,
): void {
  const get = (): unknown => Promise.resolve({ name, help, type, aggregator: 'sum', values: values() });
  registry.registerMetric({ name, help, type, get } as unknown as Metric);
}

/** A counter by labels whose values come from closed sets (policies of the configuration, refusal codes). */
export class CounterTable<First extends string, Second extends string> {
  readonly #counts = new Map<First, Map<Second, number>>();

  constructor(registry: Registry, options: TableOptions<readonly [string, string]>) {
    const [first, second] = options.labels;
    register(registry, options, 'counter', () =>
      [...this.#counts].flatMap(([one, row]) =>
        [...row].map(([other, value]) => ({ value, labels: { [first]: one, [second]: other } })),
      ),
    );
  }

  increment(first: First, second: Second): void {
    let row = this.#counts.get(first);
    if (row === undefined) {
      row = new Map();
      this.#counts.set(first, row);
    }
    row.set(second, (row.get(second) ?? 0) + 1);
  }
}

/** A histogram with fixed buckets and one label; `observe` takes seconds. */
export class HistogramTable<Label extends string> {
  readonly #rows = new Map<Label, Float64Array>();
  readonly #buckets: readonly number[];

  constructor(
    registry: Registry,
    options: TableOptions<string>,
    buckets: readonly number[] = LATENCY_BUCKETS_SECONDS,
  ) {
    const { name, labels } = options;
    this.#buckets = buckets;
    register(registry, options, 'histogram', () =>
      [...this.#rows].flatMap(([value, row]) => this.#expose(name, { [labels]: value }, row)),
    );
  }

  /** Row layout: one count a bucket, one for what lies above, then the sum. */
  observe(label: Label, seconds: number): void {
    const { length } = this.#buckets;
    let row = this.#rows.get(label);
    if (row === undefined) {
      row = new Float64Array(length + 2);
      this.#rows.set(label, row);
    }
    let at = 0;
    while (at < length && seconds > (this.#buckets[at] ?? 0)) at++;
    row[at] = (row[at] ?? 0) + 1;
    row[length + 1] = (row[length + 1] ?? 0) + seconds;
  }

  #expose(name: string, labels: Labels, row: Float64Array): Values {
    let cumulative = 0;
    const lines = this.#buckets.map((bound, at) => {
      cumulative += row[at] ?? 0;
      return { metricName: `${name}_bucket`, value: cumulative, labels: { le: String(bound), ...labels } };
    });
    const count = cumulative + (row[this.#buckets.length] ?? 0);
    return [
      ...lines,
      { metricName: `${name}_bucket`, value: count, labels: { le: '+Inf', ...labels } },
      { metricName: `${name}_sum`, value: row[this.#buckets.length + 1] ?? 0, labels },
      { metricName: `${name}_count`, value: count, labels },
    ];
  }
}
