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
    const registers = [registry];
    this.#entries = new Counter({
      name: 'countersign_access_log_entries_total',
      help: "Entries of Envoy's access log: requests, connections, or malformed.",
      labelNames: ['kind'],
      registers,
    });
    this.#deliveries = new Counter({
      name: 'countersign_deliveries_total',
      help: 'Requests that were let through and are over, by what became of them.',
      labelNames: ['outcome'],
      registers,
    });
    this.#refusals = new Counter({
      name: 'countersign_envoy_refusals_total',
      help: 'Requests that ended at Envoy without a decision of the verifier.',
      registers,
    });
    this.#tlsFailures = new Counter({
      name: 'countersign_tls_failures_total',
      help: 'TLS handshakes that failed, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#gaps = new Counter({
      name: 'countersign_access_log_gaps_total',
      help: 'Times that entries or their records were lost or left out, by reason.',
      labelNames: ['reason'],
      registers,
    });
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
