/** What Envoy's access log brought: entries, deliveries by outcome, what never reached the verifier, and what is missing. */
import { Counter, type Registry } from 'prom-client';
import { addGauge } from './metric-kinds.js';

/** Read when somebody scrapes. */
interface AccessLogSource {
  readonly streams: () => number;
  /** Allows of which nothing was told in time. */
  readonly overdue: () => number;
}

export class AccessLogMetrics {
  readonly #entries: Counter<'kind'>;
  readonly #deliveries: Counter<'outcome'>;
  readonly #refusals: Counter;
  readonly #tlsFailures: Counter<'reason'>;
  readonly #gaps: Counter<'reason'>;
  #source: AccessLogSource = { streams: () => 0, overdue: () => 0 };

  constructor(registry: Registry) {
    const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
      new Counter({ name: `countersign_${name}_total`, help, labelNames, registers: [registry] });
    this.#entries = counter(
      'access_log_entries',
      "Entries of Envoy's access log: requests, connections, or malformed.",
      'kind',
    );
    this.#deliveries = counter(
      'deliveries',
      'Requests that were let through and are over, by what became of them.',
      'outcome',
    );
    this.#refusals = counter(
      'envoy_refusals',
      'Requests that ended at Envoy without a decision of the verifier.',
    );
    this.#tlsFailures = counter('tls_failures', 'TLS handshakes that failed, by reason.', 'reason');
    this.#gaps = counter(
      'access_log_gaps',
      'Times that entries or their records were lost or left out, by reason.',
      'reason',
    );
    this.#addGauges(registry);
  }

  #addGauges(registry: Registry): void {
    addGauge(registry, {
      name: 'countersign_access_log_streams',
      help: 'Streams of entries that are open.',
      read: () => this.#source.streams(),
    });
    addGauge(registry, {
      name: 'countersign_allows_without_delivery',
      help: 'Allows since the start, older than a minute, of which Envoy did not tell what became.',
      read: () => this.#source.overdue(),
    });
  }

  /** From now on the gauges show this. */
  follow(source: AccessLogSource): void {
    this.#source = source;
  }

  entries(kind: 'requests' | 'connections' | 'malformed', count: number): void {
    if (count > 0) this.#entries.inc({ kind }, count);
  }

  delivery(outcome: string): void {
    this.#deliveries.inc({ outcome });
  }

  envoyRefusal(): void {
    this.#refusals.inc();
  }

  tlsFailure(reason: string): void {
    this.#tlsFailures.inc({ reason });
  }

  gap(reason: string): void {
    this.#gaps.inc({ reason });
  }
}
