/** One check as a span: begun before it is recorded, so that its record names the trace, and ended with its answer. */
import type { CheckSpan, Tracing } from '../../observability/tracing/tracing.js';
import { headerValues } from '../../verify/inbound-request.js';
import { answerFor } from '../../verify/refusal.js';
import type { CheckState, Outcome } from './check-state.js';

const NO_FAULT_BELOW = 500;

/**
 * The span of a check that was decided; undefined for one that is not traced. Envoy's own span comes with the call
 * (`traceparent` in its metadata); without one the request says what it belongs to.
 */
export function beginSpan(check: CheckState, tracing: Tracing): CheckSpan | undefined {
  const { decisionId, facts, nowMs, request, deadline } = check;
  const { traceparent } = deadline;
  const fromRequest = request === undefined ? [] : headerValues(request, 'traceparent');
  return tracing.begin({
    decisionId,
    traceparents: traceparent === undefined ? fromRequest : [traceparent],
    isProven: facts.kid !== undefined,
    startMs: nowMs,
  });
}

/** Nothing in it that was not established: what a caller merely claims stays in the record. */
export function endSpan(check: CheckState, span: CheckSpan, outcome: Outcome, code: string): void {
  const { decisionId, facts, timer } = check;
  const would = outcome.kind === 'allow' ? outcome.would : undefined;
  span.end({
    code,
    decisionId,
    policy: facts.policy?.name,
    identity: (would?.context ?? facts).identity,
    wouldRefuse: would?.refusal.code,
    isFault: outcome.kind === 'refuse' && answerFor(outcome.code).status >= NO_FAULT_BELOW,
    times: timer,
  });
}
