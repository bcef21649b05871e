/** What is counted and timed for every answer in the response path. Labels come from closed sets, as for decisions. */
import type { Registry } from 'prom-client';
import type { FeedbackRefusalCode } from '../feedback/refusal-code.js';
import type { StageTimes } from '../verify/stage-timer.js';
import { CounterTable, HistogramTable } from './hot-metrics.js';

/** What became of an answer: signed, withheld by a code, or Envoy's own refusal that was let through. */
export type FeedbackOutcome = 'signed' | 'local_reply' | FeedbackRefusalCode;

/** What an answer spends its time on: the values of the label `stage`, besides `total`. */
export type AnswerStage = 'decode' | 'judge' | 'record';

/** The policy label where no known policy governs. */
const NO_POLICY = 'none';

export class FeedbackMetrics {
  readonly #answers = new CounterTable<string, FeedbackOutcome>();
  readonly #stages = new HistogramTable<AnswerStage | 'total'>();

  constructor(registry: Registry) {
    this.#answers.register(
      registry,
      'countersign_feedback_answers_total',
      'Answers on signed routes by policy and code.',
      ['policy', 'code'],
    );
    this.#stages.register(
      registry,
      'countersign_feedback_stage_seconds',
      'Time spent in each stage of an answer, waiting for the upstream left out.',
      'stage',
    );
  }

  /** Counts one answer; `policy` is one of the configuration's, or undefined. */
  count(policy: string | undefined, outcome: FeedbackOutcome): void {
    this.#answers.increment(policy ?? NO_POLICY, outcome);
  }

  /** Adds the stage times of one message. */
  time(timer: StageTimes<AnswerStage>): void {
    timer.each((stage, milliseconds) => this.#stages.observe(stage, milliseconds / 1000));
    this.#stages.observe('total', timer.totalMilliseconds() / 1000);
  }
}
