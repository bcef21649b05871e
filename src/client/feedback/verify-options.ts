/** Who verifies an answer, under which keys and within which bounds. */
import type { StrictVerifier } from '../../crypto/ed25519.js';
import { FEEDBACK_RESPONSE_SCHEMA, isSignableField } from '../../feedback/signing-input.js';
import type { FeedbackKeyring } from './keyring.js';
import type { FeedbackClock, SeenNonces } from './seen-nonces.js';

/** How old an answer may be, or how far ahead of our clock, both ends included. */
export const DEFAULT_MAX_AGE_SECONDS = 300;
/** No adjustment lives longer, so an older answer has nothing to say. */
export const MAX_MAX_AGE_SECONDS = 86_400;
/** An answer of 1,000 adjustments has about 700 kB; one that a signer makes of 1 MiB may grow sixfold by its escapes. */
export const DEFAULT_MAX_ENVELOPE_BYTES = 8 * 1024 * 1024;

/** What `verifyFeedback` is told. */
export interface VerifyFeedbackOptions {
  /** The consumer's *own* tenant id, byte for byte as in its queries. Never taken from the answer. */
  readonly tenant: string;
  readonly keyring: FeedbackKeyring;
  readonly clock: FeedbackClock;
  /** One store for the life of the consumer, and for one `maxAgeSeconds`. */
  readonly seenNonces: SeenNonces;
  /** 1..86,400, default 300. */
  readonly maxAgeSeconds?: number | undefined;
  /** Default `feedback.response.v1`. */
  readonly expectedSchema?: string | undefined;
  /** Default 8 MiB. */
  readonly maxEnvelopeBytes?: number | undefined;
  /** What does the arithmetic; default tweetnacl, about 10 ms. */
  readonly verifier?: StrictVerifier | undefined;
}

/** The bounds, defaults filled in. */
export interface VerificationBounds {
  readonly maxAgeSeconds: number;
  readonly maxEnvelopeBytes: number;
  readonly expectedSchema: string;
}

/** Judges the options. @throws RangeError when one is out of its bounds. */
export function boundsOf(options: VerifyFeedbackOptions): VerificationBounds {
  const {
    tenant,
    maxAgeSeconds = DEFAULT_MAX_AGE_SECONDS,
    maxEnvelopeBytes = DEFAULT_MAX_ENVELOPE_BYTES,
    expectedSchema = FEEDBACK_RESPONSE_SCHEMA,
  } = options;
  if (!isSignableField(tenant))
    throw new RangeError('tenant must be a text without "|" and control characters');
  assertWhole('maxAgeSeconds', maxAgeSeconds, MAX_MAX_AGE_SECONDS);
  assertWhole('maxEnvelopeBytes', maxEnvelopeBytes, Number.MAX_SAFE_INTEGER);
  return { maxAgeSeconds, maxEnvelopeBytes, expectedSchema };
}

function assertWhole(name: string, value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > max)
    throw new RangeError(`${name} must be a whole number from 1 to ${max}`);
}
