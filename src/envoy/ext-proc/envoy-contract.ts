/** What the signer and the configuration of Envoy must agree on: marks, how much of an answer Envoy holds, and for how long. */

/**
 * Set by us alone, for the guard that Envoy has behind the signer (`envoy-config/signer.ts`), which takes it off:
 * an answer that is `held` or has no mark does not leave as a success.
 */
export const ANSWER_MARK = 'x-countersign-answer';
export const HELD = 'held';
export const SIGNED = 'signed';
/** Of an answer to a request that report-only let pass for nobody who is established: it leaves as it came. */
export const UNSIGNED = 'unsigned';

/** Becomes Envoy's response code details, so that access logs and `local_reply_config` know our refusals. */
export const REFUSAL_DETAILS = 'countersign_refused';
/** The same of a request that the verifier refuses by way of ext_proc. */
export const REQUEST_REFUSAL_DETAILS = 'countersign_refused_request';

/** An answer that is a little too long is still brought to the signer, whose 502 tells why; beyond it is Envoy's 500. */
const OVERSIZE_BYTES = 65_536;

/** What it follows from; bytes. */
interface HeldAnswerLimits {
  /** Of the largest request: Envoy keeps that much twice, to send it again. */
  readonly maxBodyBytes: number;
  /** Of the longest answer that is signed. */
  readonly maxAnswerBytes: number;
}

/** Of an answer to a request without a body: the connection's buffer limit, in bytes. */
export function answerBytes({ maxAnswerBytes }: Pick<HeldAnswerLimits, 'maxAnswerBytes'>): number {
  return maxAnswerBytes + OVERSIZE_BYTES;
}

/** The route's buffer limit, in bytes. ext_authz alone would limit the answer to what a request may have (docs/envoy-behaviour.md#4). */
export function heldAnswerBytes({ maxBodyBytes, maxAnswerBytes }: HeldAnswerLimits): number {
  return Math.max(maxBodyBytes * 2, answerBytes({ maxAnswerBytes }));
}

/**
 * How much longer Envoy waits than the verifier takes by itself, of a check or of a signature by a key source with its
 * queue (docs/keys.md): the verifier answers with its own 503 and a record. Where it does not, the answer is Envoy's 504.
 */
export const LATER_MILLISECONDS = 500;
