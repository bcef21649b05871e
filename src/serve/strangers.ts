/** What callers of the TCP listener get who have not shown who they are: health without its reasons, and refusals. */
import { CHECK_METHOD } from '../envoy/ext-authz/check-method.js';
import { encodeAnswer } from '../envoy/ext-authz/check-response.js';
import { encodeOutcome } from '../envoy/ext-proc/response.js';
import { PROCESS_METHOD } from '../envoy/ext-proc/stream.js';
import { plainHealthMethod } from '../envoy/health/service.js';
import { refuseAnswer } from '../feedback/refusal-code.js';
import type { ForStrangers } from '../grpc/callers.js';
import type { Health } from '../observability/health.js';
import { DEFAULT_HEADER_NAMES } from '../protocol/header-names.js';
import { noFacts } from '../verify/decision.js';
import { refuse } from '../verify/refusal.js';

/** Of no decision (RFC 9562, section 5.9): nothing was looked at, and nothing is recorded. */
const NO_DECISION = '00000000-0000-0000-0000-000000000000';

/**
 * On a gRPC error an Envoy with `failure_mode_allow` would let the request pass, so a secret that is wrong, or has been
 * changed here alone, is answered with the refusal that Envoy cannot overlook.
 */
export function forStrangers(health: Health): ForStrangers {
  const check = encodeAnswer({
    outcome: refuse('check_malformed'),
    decisionId: NO_DECISION,
    facts: noFacts(),
    spoofed: [],
    headerNames: DEFAULT_HEADER_NAMES,
  });
  const process = encodeOutcome(refuseAnswer('internal_error', 'the caller is not known'), NO_DECISION);
  return {
    methods: new Map([plainHealthMethod(health)]),
    answers: new Map([
      [CHECK_METHOD, check],
      [PROCESS_METHOD, process],
    ]),
  };
}
