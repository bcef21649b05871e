/**
 * One record for every answer that was signed or withheld. It carries the id of the decision that let the query
 * through, which joins the two. Hashes only, as in every record (docs/security-requirements.md#32).
 */
import { member } from './members.js';
import { stageMembers, type StageTimes } from './record.js';

/** What a record is made of. What the verifier did not tell is undefined. */
export interface FeedbackRecordInput {
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: number;
  readonly decisionId: string | undefined;
  /** Envoy's `x-request-id`. */
  readonly envoyRequestId: string | undefined;
  readonly policy: string | undefined;
  readonly identity: string | undefined;
  readonly tenant: string | undefined;
  readonly operator: string | undefined;
  readonly outcome: IssuedFeedback | RefusedFeedback;
  readonly times: StageTimes;
  /** Of the configuration that the answer was judged on. */
  readonly generation: number;
}

/** A signed answer. Hashes are SHA-256 in lower-case hex: of the nonce's text, and of the body that is delivered. */
interface IssuedFeedback {
  readonly kind: 'issued';
  readonly kid: string;
  readonly nonceHash: string;
  readonly adjustments: number;
  readonly bodyHash: string;
}

/** A withheld answer: its metric code, and the SHA-256 of the upstream's body where that was read. */
interface RefusedFeedback {
  readonly kind: 'refused';
  readonly code: string;
  readonly detail: string;
  /** HTTP status that the client gets; undefined when Envoy answered without us. */
  readonly status: number | undefined;
  readonly upstreamHash: string | undefined;
}

/** The line, newline included. */
export function feedbackRecordLine(input: FeedbackRecordInput): string {
  const { outcome } = input;
  return (
    `{"time":"${new Date(input.nowMs).toISOString()}"` +
    member('event', `cognitive.feedback.${outcome.kind}`) +
    member('decision_id', input.decisionId) +
    (outcome.kind === 'issued' ? issuedMembers(outcome) : refusedMembers(outcome)) +
    member('request_id', input.envoyRequestId) +
    member('identity', input.identity) +
    member('tenant', input.tenant) +
    member('operator', input.operator) +
    member('policy', input.policy) +
    `,"generation":${input.generation},"stage_us":{${stageMembers(input.times)}}}\n`
  );
}

function issuedMembers({ kid, nonceHash, adjustments, bodyHash }: IssuedFeedback): string {
  return (
    `,"code":"signed","status":200,"adjustments":${adjustments}` +
    member('kid', kid) +
    member('nonce_hash', nonceHash) +
    member('body_sha256', bodyHash)
  );
}

function refusedMembers({ code, status, detail, upstreamHash }: RefusedFeedback): string {
  return (
    member('code', code) +
    (status === undefined ? '' : `,"status":${status}`) +
    member('detail', detail) +
    member('upstream_sha256', upstreamHash)
  );
}
