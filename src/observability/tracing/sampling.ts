/**
 * Which checks are traced. Senders choose trace ids and the sampled flag, so neither decides alone: without a proven key a
 * flag counts only within our own share, and all traces together are bounded by the second.
 */
import { isInShare, readTraceParent } from './traceparent.js';
import type { CheckToTrace } from './tracing.js';

/** How much is traced. */
export interface SamplingOptions {
  /** 0 to 1: of the checks that belong to no trace, and of those whose trace a stranger says is sampled. */
  readonly share: number;
  readonly tracesPerSecond: number;
  readonly monotonicMs: () => number;
}

/** The trace of one check. */
export interface Sampled {
  readonly traceId: string;
  readonly parentSpanId: string | undefined;
}

export class Sampling {
  readonly #share: number;
  readonly #budget: TraceBudget;
  #limited = 0;

  constructor({ share, tracesPerSecond, monotonicMs }: SamplingOptions) {
    this.#share = share;
    this.#budget = new TraceBudget(tracesPerSecond, monotonicMs);
  }

  /** Checks that would have been traced, had there not been too many in this second. */
  get limited(): number {
    return this.#limited;
  }

  /** Undefined for a check that is not traced. */
  sample({ decisionId, traceparents, isProven }: Omit<CheckToTrace, 'startMs'>): Sampled | undefined {
    const parent = readTraceParent(traceparents);
    const traceId = parent?.traceId ?? decisionId.replaceAll('-', '');
    if (parent?.isSampled === false) return undefined;
    const isFollowed = parent !== undefined && isProven;
    if (!isFollowed && !isInShare({ traceId }, this.#share)) return undefined;
    if (this.#budget.take(isProven)) return { traceId, parentSpanId: parent?.spanId };
    this.#limited++;
    return undefined;
  }
}

/** Twice the traces of a second at most, of which strangers leave one half to those who have proven a key. */
class TraceBudget {
  readonly #perSecond: number;
  readonly #monotonicMs: () => number;
  #left: number;
  #sinceMs: number;

  constructor(perSecond: number, monotonicMs: () => number) {
    this.#perSecond = perSecond;
    this.#monotonicMs = monotonicMs;
    this.#left = 2 * perSecond;
    this.#sinceMs = monotonicMs();
  }

  take(isProven: boolean): boolean {
    const now = this.#monotonicMs();
    const regained = ((now - this.#sinceMs) / 1_000) * this.#perSecond;
    this.#sinceMs = now;
    this.#left = Math.min(2 * this.#perSecond, this.#left + regained);
    const kept = isProven ? 0 : this.#perSecond;
    if (this.#left < kept + 1) return false;
    this.#left--;
    return true;
  }
}
