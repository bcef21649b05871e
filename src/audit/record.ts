/**
 * One record for every outcome, as one line of JSON. Hashes only: no nonce, signature, body or key ever
 * enters it (security.md MUST 32). What a caller merely claims is named `claimed_identity`.
 */
import type { DecisionFacts } from '../verify/decision.js';
import type { Refusal } from '../verify/refusal.js';

/** Microseconds spent in each stage, in the order in which they ran. */
export type StageTimings = Readonly<Record<string, number>>;

/** What a record is made of. */
export interface RecordInput {
  readonly decisionId: string;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: number;
  /** Envoy's `x-request-id`; undefined when it sent none. */
  readonly envoyRequestId: string | undefined;
  readonly outcome: 'allow' | 'pass_through' | Refusal;
  readonly facts: DecisionFacts;
  readonly timings: StageTimings;
  /** HTTP status that the client gets from us; 200 for an allow. */
  readonly status: number;
  /** Of the configuration that the request was judged on. */
  readonly generation: number;
}

const FALLBACK_EVENTS = { accepted: 'request.accepted', rejected: 'request.rejected' };

/** The line, newline included. JSON escapes control characters, so a record is always exactly one line. */
export function recordLine(input: RecordInput): string {
  const { facts, outcome } = input;
  const refusal = typeof outcome === 'string' ? undefined : outcome;
  const events = facts.policy?.events ?? FALLBACK_EVENTS;
  return `${JSON.stringify({
    time: new Date(input.nowMs).toISOString(),
    event: refusal === undefined ? events.accepted : events.rejected,
    decision_id: input.decisionId,
    code: refusal?.code ?? outcome,
    status: input.status,
    detail: refusal?.detail,
    request_id: input.envoyRequestId,
    identity: facts.identity,
    claimed_identity: facts.identity === undefined ? facts.claimedIdentity : undefined,
    kid: facts.kid,
    cert_sha256: facts.certificateSha256,
    tenant: facts.tenant,
    operator: facts.operator,
    policy: facts.policy?.name,
    attestation: facts.attestation,
    execution: facts.execution,
    nonce_hash: facts.nonceHash?.toString('hex'),
    first_decision_id: refusal?.first?.requestId,
    generation: input.generation,
    stage_us: input.timings,
  })}\n`;
}
