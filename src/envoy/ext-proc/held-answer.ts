/** How much of a signed answer Envoy holds, and so how long a message to the signer can be. Both sides ask here. */

/** An answer that is a little too long is still brought to the signer, whose 502 tells why; beyond it is Envoy's 500. */
const TOLD_BYTES = 65_536;

/** What it follows from; bytes. */
export interface HeldAnswerLimits {
  /** Of the largest request: Envoy keeps that much twice, to send it again. */
  readonly maxBodyBytes: number;
  /** Of the longest answer that is signed. */
  readonly maxAnswerBytes: number;
}

/** Of an answer to a request without a body: the connection's buffer limit, in bytes. */
export function answerBytes({ maxAnswerBytes }: Pick<HeldAnswerLimits, 'maxAnswerBytes'>): number {
  return maxAnswerBytes + TOLD_BYTES;
}

/** The route's buffer limit, in bytes. ext_authz alone would limit the answer to what a request may have (docs/envoy-behaviour.md#4). */
export function heldAnswerBytes({ maxBodyBytes, maxAnswerBytes }: HeldAnswerLimits): number {
  return Math.max(maxBodyBytes * 2, answerBytes({ maxAnswerBytes }));
}
