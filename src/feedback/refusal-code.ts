/**
 * Every way in which an answer is withheld: the codes, and what the client sees of each. The code itself is the label
 * of the audit log and the metrics; the client learns no more than whether the upstream's answer or the signer is at fault.
 */

/** The upstream's answer cannot be signed. Grouped by where to look. */
const WITHHELD_CODES = [
  // what the upstream answered
  'upstream_status',
  'upstream_local_reply',
  'answer_missing',
  'answer_encoded',
  'answer_too_large',
  'answer_not_json',
  'answer_shape',
  // one adjustment of it
  'adjustment_shape',
  'adjustment_tenant',
  'adjustment_execution',
  'adjustment_attestation',
  'adjustment_schema',
  'adjustment_not_submitted',
  // the store of what was submitted
  'executions_unavailable',
] as const;

/** No answer whatever could be signed. */
const UNAVAILABLE_CODES = [
  // between the verifier and the signer
  'context_missing',
  'tenant_missing',
  // the signer
  'no_active_key',
  'signer_unavailable',
  'overloaded',
  'internal_error',
] as const;

/** Codes of the audit log and metrics. */
export type FeedbackRefusalCode = (typeof WITHHELD_CODES | typeof UNAVAILABLE_CODES)[number];

/** What the wire says for a code: no refusal is ever 2xx or 3xx (docs/wire-contract.md#answers-and-refusals). */
interface FeedbackRefusalAnswer {
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

const ANSWERS: ReadonlyMap<FeedbackRefusalCode, FeedbackRefusalAnswer> = new Map<
  FeedbackRefusalCode,
  FeedbackRefusalAnswer
>([
  ...WITHHELD_CODES.map((code) => [code, WITHHELD] as const),
  ...UNAVAILABLE_CODES.map((code) => [code, UNAVAILABLE] as const),
]);

/** All of them. */
export const FEEDBACK_REFUSAL_CODES: readonly FeedbackRefusalCode[] = [...ANSWERS.keys()];

/** The answer for a code. @throws Error for anything that is none. */
export function feedbackRefusalAnswer(code: FeedbackRefusalCode): FeedbackRefusalAnswer {
  const answer = ANSWERS.get(code);
  if (answer === undefined) throw new Error(`no answer for feedback refusal code ${code}`);
  return answer;
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
