/**
 * Tracing as the services see it: without a word of the SDK, which is loaded where tracing is configured and nowhere else
 * (`spans.ts`). Nothing here throws, and nothing waits.
 */
import type { StageTimes } from '../../verify/stage-timer.js';
import type { AnswerStage, CheckStage } from '../decision-metrics.js';

/** A decision that was made, and may be one of those that are traced. */
export interface CheckToTrace {
  /** A UUID; without its hyphens it is the trace of a check that belongs to none. */
  readonly decisionId: string;
  /** The values of `traceparent`, as they came. */
  readonly traceparents: readonly string[];
  /** A key has proven whose it is: then the sampled flag is a customer's, else anybody's. */
  readonly isProven: boolean;
  /** Wall clock, Unix milliseconds. */
  readonly startMs: number;
}

/** A check that is traced. */
export interface CheckSpan {
  /** 32 small hex digits. */
  readonly traceId: string;
  /** For whoever goes on with the trace. */
  readonly traceparent: string;
  /** Once, with the answer. */
  end(check: EndedCheck): void;
}

/** What may be shown of a check or an answer: no value that somebody has not proven, no body, no header. */
interface Ended<Stage extends string> {
  readonly code: string;
  readonly decisionId: string | undefined;
  readonly policy: string | undefined;
  readonly identity: string | undefined;
  /** The fault lies with us, not with who asked. */
  readonly isFault: boolean;
  readonly times: StageTimes<Stage>;
}

export interface EndedCheck extends Ended<CheckStage> {
  /** The code that report-only lets pass. */
  readonly wouldRefuse: string | undefined;
}

export interface EndedAnswer extends Ended<AnswerStage> {
  /** Of the check's span, as the check's answer carried it; undefined where that one is not traced. */
  readonly traceparent: string | undefined;
  /** Wall clock, Unix milliseconds. */
  readonly endMs: number;
}

export interface Tracing {
  /** Undefined for a check that is not traced. */
  begin(check: CheckToTrace): CheckSpan | undefined;
  /** Signed or withheld: traced where its check is. */
  answered(answer: EndedAnswer): void;
}
