/**
 * Every way in which an answer is withheld: one closed union of codes, and for each what the client sees.
 * The code itself is the audit and metric label; the client learns no more than who could not vouch.
 */

/** Codes of the audit log and metrics. Grouped by who has to act. */
export type FeedbackRefusalCode =
  // between the verifier and the signer
  | 'context_missing'
  | 'tenant_missing'
  // what the upstream answered
  | 'upstream_status'
  | 'upstream_local_reply'
  | 'answer_missing'
  | 'answer_encoded'
  | 'answer_too_large'
  | 'answer_not_json'
  | 'answer_shape'
  // one adjustment of it
  | 'adjustment_shape'
  | 'adjustment_tenant'
  | 'adjustment_execution'
  | 'adjustment_attestation'
  | 'adjustment_schema'
  | 'adjustment_not_submitted'
  // the store of what was submitted
  | 'executions_unavailable'
  // the signer
  | 'no_active_key'
  | 'overloaded'
  | 'internal_error';

/** What the wire says for a code. */
export interface FeedbackRefusalAnswer {
  /** 502: the upstream's answer is withheld, for nobody vouches for it. 503: no judgement was possible. */
  readonly status: 502 | 503;
  readonly clientCode: 'feedback_refused' | 'unavailable';
  readonly message: string;
}

const WITHHELD: FeedbackRefusalAnswer = {
  status: 502,
  clientCode: 'feedback_refused',
  message: 'The answer could not be vouched for, so it is withheld. Nothing was signed.',
};

const UNAVAILABLE: FeedbackRefusalAnswer = {
  status: 503,
  clientCode: 'unavailable',
  message: 'No answer could be signed. The query may be sent again, with a new nonce.',
};

/** The answer for each code: no refusal is ever 2xx or 3xx (docs/wire-contract.md#answers-and-refusals). */
export function feedbackRefusalAnswer(code: FeedbackRefusalCode): FeedbackRefusalAnswer {
  switch (code) {
    case 'upstream_status':
    case 'upstream_local_reply':
    case 'answer_missing':
    case 'answer_encoded':
    case 'answer_too_large':
    case 'answer_not_json':
    case 'answer_shape':
    case 'adjustment_shape':
    case 'adjustment_tenant':
    case 'adjustment_execution':
    case 'adjustment_attestation':
    case 'adjustment_schema':
    case 'adjustment_not_submitted':
    case 'executions_unavailable':
      return WITHHELD;
    case 'context_missing':
    case 'tenant_missing':
    case 'no_active_key':
    case 'overloaded':
    case 'internal_error':
      return UNAVAILABLE;
    default:
      return unreachable(code);
  }
}

function unreachable(code: never): never {
  throw new Error(`no answer for feedback refusal code ${String(code)}`);
}

/** An answer that is withheld: nothing of it reaches the client, and nothing was signed. */
export interface AnswerRefusal {
  readonly kind: 'refused';
  readonly code: FeedbackRefusalCode;
  /** A short fact of our own wording, for the record only; never a value of the upstream or the client. */
  readonly detail: string;
}

/** A refusal with its code and the fact behind it. */
export function refuseAnswer(code: FeedbackRefusalCode, detail: string): AnswerRefusal {
  return { kind: 'refused', code, detail };
}

/** The JSON body that the client gets in place of the answer (docs/wire-contract.md#answers-and-refusals), as ASCII. */
export function refusalEnvelope(requestId: string, code: FeedbackRefusalCode): Buffer {
  const { clientCode, message } = feedbackRefusalAnswer(code);
  const errors = [{ code: clientCode, message }];
  return Buffer.from(JSON.stringify({ request_id: requestId, status: 'rejected', data: null, errors }));
}
