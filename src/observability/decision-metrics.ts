/**
 * What is counted and timed for every decision on a request, its nonce claim, and every answer in the response path.
 * Labels come from closed sets: policies of the configuration, codes and stages.
 */
import { Counter, type Registry } from 'prom-client';
import type { Assurance, DecisionFacts } from '../verify/decision.js';
import type { JudgementStage } from '../verify/pipeline.js';
import type { RefusalCode } from '../verify/refusal.js';
import type { StageTimes } from '../verify/stage-timer.js';
import { CounterTable, HistogramTable, SKEW_BUCKETS_SECONDS } from './metric-kinds.js';
import type { FeedbackRefusalCode } from '../feedback/refusal-code.js';

/** What was decided: the values of the label `code`. */
type DecisionCode = 'allow' | 'would_refuse' | 'pass_through' | RefusalCode;

/** What a check spends its time on: the values of the label `stage`, besides `total`. */
export type CheckStage = 'decode' | JudgementStage | 'admission' | 'record';

/** The policy label where no known policy governs. */
const NO_POLICY = 'none';

export class DecisionMetrics {
  readonly #decisions: CounterTable<string, DecisionCode>;
  readonly #wouldRefuse: CounterTable<string, RefusalCode>;
  readonly #stages: HistogramTable<CheckStage | 'total'>;
  readonly #skews: HistogramTable<string>;
  readonly #assurances: CounterTable<Assurance, string>;
  readonly #lost: Counter;

  constructor(registry: Registry) {
    this.#decisions = new CounterTable(registry, {
      name: 'countersign_decisions_total',
      help: 'Decisions by policy and code.',
      labels: ['policy', 'code'],
    });
    this.#wouldRefuse = new CounterTable(registry, {
      name: 'countersign_would_refuse_total',
      help: 'Refusals that report-only let pass, by policy and code; among the decisions they are would_refuse.',
      labels: ['policy', 'code'],
    });
    this.#stages = new HistogramTable(registry, {
      name: 'countersign_stage_seconds',
      help: 'Time spent in each stage of a check.',
      labels: 'stage',
    });
    const skews = {
      name: 'countersign_timestamp_skew_seconds',
      help: 'Timestamp minus our clock, of requests whose signature verified; negative is the past.',
      labels: 'policy',
    };
    this.#skews = new HistogramTable(registry, skews, SKEW_BUCKETS_SECONDS);
    this.#assurances = new CounterTable(registry, {
      name: 'countersign_proven_requests_total',
      help: 'Requests whose signature verified, by policy and by what their identity rests on.',
      labels: ['assurance', 'policy'],
    });
    this.#lost = new Counter({
      name: 'countersign_audit_records_lost_total',
      help: 'Records that could not be written.',
      registers: [registry],
    });
  }

  /** Counts one decision and its stage times; `policy` is one of the configuration's, or undefined. */
  decided(policy: string | undefined, code: DecisionCode, timer: StageTimes<CheckStage>): void {
    this.#decisions.increment(policy ?? NO_POLICY, code);
    observeStages(this.#stages, timer);
  }

  /** Counts a refusal that report-only lets pass, besides the decision itself. */
  wouldRefuse(policy: string, code: RefusalCode): void {
    this.#wouldRefuse.increment(policy, code);
  }

  /** Notes how its identity was known, and how far off the timestamp was. Only where a key has proven it: anybody can write one. */
  proven({ policy, kid, assurance, skewSeconds }: DecisionFacts): void {
    if (policy === undefined || kid === undefined) return;
    if (assurance !== undefined) this.#assurances.increment(assurance, policy.name);
    if (skewSeconds !== undefined) this.#skews.observe(policy.name, skewSeconds);
  }

  recordLost(): void {
    this.#lost.inc();
  }
}

function observeStages<Stage extends string>(
  stages: HistogramTable<Stage | 'total'>,
  timer: StageTimes<Stage>,
): void {
  timer.each((stage, milliseconds) => stages.observe(stage, milliseconds / 1000));
  stages.observe('total', timer.totalMilliseconds() / 1000);
}

/** What became of an answer: signed, withheld by a code, Envoy's own refusal that was let through, or let pass unsigned by report-only. */
type FeedbackOutcome = 'signed' | 'local_reply' | 'unsigned' | FeedbackRefusalCode;

/** What an answer spends its time on: the values of the label `stage`, besides `total`. */
export type AnswerStage = 'decode' | 'judge' | 'record';

export class FeedbackMetrics {
  readonly #answers: CounterTable<string, FeedbackOutcome>;
  readonly #stages: HistogramTable<AnswerStage | 'total'>;
  readonly #onAnswer: (outcome: FeedbackOutcome) => void;

  /** `onAnswer` is told of each, as it is counted. */
  constructor(registry: Registry, onAnswer: (outcome: FeedbackOutcome) => void = () => undefined) {
    this.#onAnswer = onAnswer;
    this.#answers = new CounterTable(registry, {
      name: 'countersign_feedback_answers_total',
      help: 'Answers on signed routes by policy and code.',
      labels: ['policy', 'code'],
    });
    this.#stages = new HistogramTable(registry, {
      name: 'countersign_feedback_stage_seconds',
      help: 'Time spent in each stage of an answer, waiting for the upstream left out.',
      labels: 'stage',
    });
  }

  /** Counts one answer; `policy` is one of the configuration's, or undefined. */
  count(policy: string | undefined, outcome: FeedbackOutcome): void {
    this.#answers.increment(policy ?? NO_POLICY, outcome);
    this.#onAnswer(outcome);
  }

  /** Adds the stage times of one message. */
  time(timer: StageTimes<AnswerStage>): void {
    observeStages(this.#stages, timer);
  }
}

/** Where the claims go, and how they are timed. */
interface ClaimTiming {
  readonly registry: Registry;
  /** Label: the store's name. */
  readonly store: string;
  readonly monotonicMs: () => number;
}

/** The same claim with a histogram around it. Measured around the store itself: what a copy of a request waits is not in it. */
export function timedClaims<Asked extends readonly unknown[], Outcome>(
  claim: (...asked: Asked) => Outcome | Promise<Outcome>,
  { registry, store, monotonicMs }: ClaimTiming,
): (...asked: Asked) => Outcome | Promise<Outcome> {
  const seconds = new HistogramTable(registry, {
    name: 'countersign_nonce_claim_seconds',
    help: 'Time that a nonce claim takes.',
    labels: 'store',
  });
  return (...asked) => {
    const started = monotonicMs();
    const done = (): void => seconds.observe(store, (monotonicMs() - started) / 1000);
    const result = claim(...asked);
    if (result instanceof Promise) return result.finally(done);
    done();
    return result;
  };
}
