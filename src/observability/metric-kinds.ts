/**
 * The kinds of metrics that nothing is paid for until somebody scrapes: a gauge or counter that reads one number then,
 * and tables of counts and times that cost an array write on the hot path. prom-client's own `observe` with labels
 * costs about as much as parsing a whole request header list.
 */
import {
  Counter,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from 'prom-client';

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

/** A prom-client counter whose values are read when it is scraped. */
class LazyCounter extends Counter {
  readonly #values: () => Values;

  constructor(name: string, help: string, registry: Registry, values: () => Values) {
    super({ name, help, registers: [registry] });
    this.#values = values;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    return { ...(await super.get()), values: this.#values() };
  }
}

/** A histogram as prom-client's registry prints it; its types have a number for `type`, its code a word. */
interface ExposedHistogram {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  readonly values: Values;
}

/** The same for a histogram. */
class LazyHistogram extends Histogram {
  readonly #exposed: () => ExposedHistogram;

  constructor(name: string, help: string, registry: Registry, values: () => Values) {
    super({ name, help, registers: [registry] });
    this.#exposed = () => ({ name, help, type: 'histogram', aggregator: 'sum', values: values() });
  }

  /** What the registry asks a histogram for when it prints; prom-client's types leave it out. */
  getForPromString(): Promise<ExposedHistogram> {
    return Promise.resolve(this.#exposed());
  }

  /** The same as JSON, for a supervisor that merges; the base class expects values of another shape. */
  override get(): ReturnType<Histogram['get']> {
    return this.getForPromString() as unknown as ReturnType<Histogram['get']>;
  }
}

/** A counter by labels whose values come from closed sets (policies of the configuration, refusal codes). */
export class CounterTable<First extends string, Second extends string> {
  readonly #counts = new Map<First, Map<Second, number>>();

  increment(first: First, second: Second): void {
    let row = this.#counts.get(first);
    if (row === undefined) {
      row = new Map();
      this.#counts.set(first, row);
    }
    row.set(second, (row.get(second) ?? 0) + 1);
  }

  /** Shows the table as a Prometheus counter with two labels. */
  register(registry: Registry, name: string, help: string, labels: readonly [string, string]): void {
    const values = (): Values =>
      [...this.#counts].flatMap(([first, row]) =>
        [...row].map(([second, value]) => ({ value, labels: { [labels[0]]: first, [labels[1]]: second } })),
      );
    new LazyCounter(name, help, registry, values);
  }
}

/** A histogram with fixed buckets and one label; `observe` takes seconds. */
export class HistogramTable<Label extends string> {
  readonly #rows = new Map<Label, Float64Array>();
  readonly #buckets: readonly number[];

  constructor(buckets: readonly number[] = LATENCY_BUCKETS_SECONDS) {
    this.#buckets = buckets;
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

  register(registry: Registry, name: string, help: string, label: string): void {
    const values = (): Values =>
      [...this.#rows].flatMap(([value, row]) => this.#expose(name, { [label]: value }, row));
    new LazyHistogram(name, help, registry, values);
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
