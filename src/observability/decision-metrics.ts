/** What is counted and timed for every decision. Labels come from closed sets: policies and refusal codes. */
import { Counter, type Registry } from 'prom-client';
import type { DecisionFacts } from '../verify/decision.js';
import { CounterTable, HistogramTable, SKEW_BUCKETS_SECONDS } from './hot-metrics.js';

/** Stage timings as the metrics read them. */
interface Timed {
  each(visit: (stage: string, milliseconds: number) => void): void;
  totalMilliseconds(): number;
}

/** The policy label of requests that no policy governs. */
const NO_POLICY = 'none';

export class DecisionMetrics {
  readonly #decisions = new CounterTable();
  readonly #stages = new HistogramTable();
  readonly #skews = new HistogramTable(SKEW_BUCKETS_SECONDS);
  readonly #lost: Counter;

  constructor(registry: Registry) {
    this.#decisions.register(registry, 'countersign_decisions_total', 'Decisions by policy and code.', [
      'policy',
      'code',
    ]);
    this.#stages.register(
      registry,
      'countersign_stage_seconds',
      'Time spent in each stage of a check.',
      'stage',
    );
    const help = 'Timestamp minus our clock, of requests whose signature verified; negative is the past.';
    this.#skews.register(registry, 'countersign_timestamp_skew_seconds', help, 'policy');
    this.#lost = new Counter({
      name: 'countersign_audit_records_lost_total',
      help: 'Records that could not be written.',
      registers: [registry],
    });
  }

  /** Counts one decision and its stage times. */
  decided(policy: string | undefined, code: string, timer: Timed): void {
    this.#decisions.increment(policy ?? NO_POLICY, code);
    timer.each((stage, milliseconds) => this.#stages.observe(stage, milliseconds / 1000));
    this.#stages.observe('total', timer.totalMilliseconds() / 1000);
  }

  /** Notes how far off the timestamp was. Only where a key has proven it: anybody can write one. */
  proven({ policy, kid, skewSeconds }: DecisionFacts): void {
    if (policy !== undefined && kid !== undefined && skewSeconds !== undefined)
      this.#skews.observe(policy.name, skewSeconds);
  }

  recordLost(): void {
    this.#lost.inc();
  }
}
