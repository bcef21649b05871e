/** What became of an answer: what Envoy is told, and what is recorded. */
import { hash } from 'node:crypto';
import type { FeedbackRecordInput } from '../../audit/feedback-record.js';
import { feedbackRefusalAnswer, refusalEnvelope } from '../../feedback/refusal-code.js';
import type { SignedAnswer } from '../../feedback/sign-answer.js';
import { REFUSAL_HEADERS, signedHeaders } from './processing-headers.js';
import { encodeBody, encodeImmediate } from './processing-response.js';
import type { Withheld } from './processing-verdict.js';

export type Outcome = SignedAnswer | Withheld;

/** The last reply of a stream. `requestId` is for the refusal's envelope; a signed one has its own. */
export function encodeOutcome(outcome: Outcome, requestId: string): Buffer {
  if (outcome.kind === 'signed') return encodeBody(signedHeaders(outcome.body.length), outcome.body);
  return encodeImmediate(statusOf(outcome), REFUSAL_HEADERS, refusalEnvelope(requestId, outcome.code));
}

/** The part of the record that says how it ended; `told` is false when Envoy has answered without us. */
export function recordedOutcome(
  outcome: Outcome,
  upstreamBody: Buffer | undefined,
  told: boolean,
): FeedbackRecordInput['outcome'] {
  if (outcome.kind === 'signed') {
    const { kid, nonce, adjustments, body } = outcome;
    return { kind: 'issued', kid, nonceHash: sha256(nonce), adjustments, bodyHash: sha256(body) };
  }
  const { code, detail } = outcome;
  return {
    kind: 'refused',
    code,
    detail,
    status: told ? statusOf(outcome) : undefined,
    upstreamHash: upstreamBody === undefined ? undefined : sha256(upstreamBody),
  };
}

function statusOf(refusal: Withheld): number {
  return refusal.upstreamStatus ?? feedbackRefusalAnswer(refusal.code).status;
}

function sha256(data: string | Buffer): string {
  return hash('sha256', data, 'hex');
}
