/**
 * Verifying a signed answer: the only way to a {@link VerifiedFeedback}, and so to anything that feeds a policy.
 * Source: docs/wire-contract.md#a-signed-answer. Runs anywhere: no Node built-in and no Buffer.
 */
import type { Envelope } from './envelope.js';
import { checkAnswer, type VerificationFailure, type VerifyFeedbackOptions } from './answer-checks.js';

/** Verified, or why not. */
export type FeedbackVerification =
  { readonly ok: true; readonly feedback: VerifiedFeedback } | ({ readonly ok: false } & VerificationFailure);

interface VerifiedFacts {
  readonly tenant: string;
  readonly envelope: Envelope;
  readonly verifiedAtMs: number;
}

/** Never leaves this module: who does not have it cannot make a {@link VerifiedFeedback}. */
const SEAL: unique symbol = Symbol('verified');

/** An answer whose signature, age and newness have been verified for one tenant. Made by {@link verifyFeedback} alone. */
export class VerifiedFeedback {
  readonly #facts: VerifiedFacts;

  /** Throws for everybody but {@link verifyFeedback}. */
  constructor(seal: typeof SEAL, facts: VerifiedFacts) {
    if (seal !== SEAL) throw new TypeError('only verifyFeedback makes a VerifiedFeedback');
    this.#facts = facts;
    Object.freeze(this);
  }

  /** Whether a value was made by {@link verifyFeedback}, whatever its type or prototype claims. */
  static isGenuine(value: unknown): value is VerifiedFeedback {
    return typeof value === 'object' && value !== null && #facts in value;
  }

  get tenant(): string {
    return this.#facts.tenant;
  }
  get kid(): string {
    return this.#facts.envelope.kid;
  }
  get signedAtSeconds(): number {
    return this.#facts.envelope.signedAtSeconds;
  }
  get nonce(): string {
    return this.#facts.envelope.nonce;
  }
  get schemaVersion(): string {
    return this.#facts.envelope.schemaVersion;
  }
  /** Our clock when it was verified, Unix milliseconds. */
  get verifiedAtMs(): number {
    return this.#facts.verifiedAtMs;
  }
  /** As the envelope says it: the signature does not cover it. */
  get unsignedRequestId(): string | undefined {
    return this.#facts.envelope.requestId;
  }
  /** The signed `data` in its canonical form, a JSON array in ASCII; a copy. */
  get canonicalData(): Uint8Array {
    return this.#facts.envelope.canonicalData.slice();
  }
}

/**
 * Verifies an answer exactly as it was delivered, and notes its nonce.
 *
 * In this order: size, JSON and members; key id; algorithm; signature with our own tenant id; schema; age; and last
 * the nonce, so that nothing is remembered of an answer that proves nothing. `status`, `errors` and `request_id` are
 * not covered by the signature and not judged. Which adjustments concern us is for `bindAdjustments` to say.
 *
 * @param envelopeText the body of the answer: its bytes, or their text, never parsed and printed anew.
 * @throws RangeError when an option is out of its bounds: a mistake of the caller, not of the answer.
 */
export function verifyFeedback(
  envelopeText: Uint8Array | string,
  options: VerifyFeedbackOptions,
): FeedbackVerification {
  const verifiedAtMs = options.clock.nowMs();
  const envelope = checkAnswer(envelopeText, options, verifiedAtMs);
  if ('code' in envelope) return { ok: false, ...envelope };
  const { tenant } = options;
  return { ok: true, feedback: new VerifiedFeedback(SEAL, { tenant, envelope, verifiedAtMs }) };
}
