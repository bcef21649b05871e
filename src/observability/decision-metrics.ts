/** What is counted and timed for every decision. Labels come from closed sets: policies, codes and stages. */
import { Counter, type Registry } from 'prom-client';
import type { DecisionFacts } from '../verify/decision.js';
import type { JudgementStage } from '../verify/pipeline.js';
import type { RefusalCode } from '../verify/refusal.js';
import type { StageTimes } from '../verify/stage-timer.js';
import { CounterTable, HistogramTable, SKEW_BUCKETS_SECONDS } from './hot-metrics.js';

/** What was decided: the values of the label `code`. */
export type DecisionCode = 'allow' | 'pass_through' | RefusalCode;

/** What a check spends its time on: the values of the label `stage`, besides `total`. */
export type CheckStage = 'decode' | JudgementStage | 'admission' | 'record';

/** The policy label of requests that no policy governs. */
const NO_POLICY = 'none';

export class DecisionMetrics {
  readonly #decisions = new CounterTable<string, DecisionCode>();
  readonly #stages = new HistogramTable<CheckStage | 'total'>();
  readonly #skews = new HistogramTable<string>(SKEW_BUCKETS_SECONDS);
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

  /** Counts one decision and its stage times; `policy` is one of the configuration's, or undefined. */
  decided(policy: string | undefined, code: DecisionCode, timer: StageTimes<CheckStage>): void {
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
