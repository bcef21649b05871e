/**
 * The metrics of several processes as one scrape. What a process had counted when it was last asked goes on
 * counting after its death: a sum that fell would look to Prometheus like a restart, and be added twice.
 */
import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from 'prom-client';

/** What `Registry.getMetricsAsJSON` gives. */
export type MetricsJson = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Asks one process; undefined when it does not answer. */
export type AskMetrics = () => Promise<MetricsJson | undefined>;

/** Gauges tell of what is there now, and a dead process is not. prom-client's JSON has words for types. */
const KINDS_THAT_STAY: ReadonlySet<unknown> = new Set(['counter', 'histogram']);

export class MergedMetrics {
  readonly contentType: Registry['contentType'];
  readonly #own: Registry;
  readonly #processes: ReadonlyMap<number, AskMetrics>;
  readonly #last = new Map<number, MetricsJson>();
  #departed: MetricsJson = [];

  /** `own`: metrics of the process that merges. */
  constructor(own: Registry, processes: ReadonlyMap<number, AskMetrics>) {
    this.contentType = own.contentType;
    this.#own = own;
    this.#processes = processes;
  }

  /** The scrape. A process that does not answer in time is shown as it was. */
  async metrics(): Promise<string> {
    await Promise.all([...this.#processes].map(([number, ask]) => this.#ask(number, ask)));
    const own = await this.#own.getMetricsAsJSON();
    return merged([...this.#last.values(), this.#departed, own]).metrics();
  }

  /** The process of this number is dead; another one may come in its place. */
  departed(number: number): void {
    const last = this.#last.get(number) ?? [];
    this.#last.delete(number);
    const staying = last.filter(({ type }) => KINDS_THAT_STAY.has(type));
    this.#departed = merged([this.#departed, staying]).getMetricsAsArray() as unknown as MetricsJson;
  }

  async #ask(number: number, ask: AskMetrics): Promise<void> {
    const answer = await ask();
    if (answer !== undefined) this.#last.set(number, answer);
  }
}

function merged(parts: readonly MetricsJson[]): Registry {
  return AggregatorRegistry.aggregate([...parts]);
}
