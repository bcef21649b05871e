/**
 * The checks of an answer, in their order (docs/wire-contract.md#a-signed-answer); what they are told, and how they fail.
 * Runs anywhere: no Node built-in and no Buffer.
 */
import { decodeCanonicalBase64 } from '../../crypto/bytes.js';
import { SIGNATURE_BYTES, type StrictVerifier } from '../../crypto/ed25519.js';
import { portableVerifier } from '../../crypto/portable.js';
import {
  ADJUSTMENT_TTL,
  FEEDBACK_RESPONSE_SCHEMA,
  FEEDBACK_SIGNATURE_ALGORITHM,
  feedbackSigningInput,
  isSignableField,
} from '../../feedback/envelope.js';
import { readEnvelope, type Envelope, type EnvelopeFault } from './envelope.js';
import type { FeedbackKeyring } from './keyring.js';
import type { FeedbackClock, SeenNonces } from './seen-nonces.js';

/**
 * Every way in which verifying fails, in the order in which it is looked for. Texts in it are the sender's, who has
 * not been verified: escape them before showing them.
 */
export type VerificationFailure =
  | { readonly code: 'too_large'; readonly maxEnvelopeBytes: number }
  /** `malformed_json` or `malformed_envelope`. */
  | EnvelopeFault
  | { readonly code: 'unknown_kid'; readonly kid: string }
  | { readonly code: 'kid_not_yet_valid'; readonly kid: string }
  | { readonly code: 'kid_retired'; readonly kid: string }
  | { readonly code: 'other_algorithm'; readonly algorithm: string }
  /** Tampered with, made for another tenant, or not signed by the key of this id. */
  | { readonly code: 'bad_signature'; readonly kid: string }
  | { readonly code: 'other_schema'; readonly schemaVersion: string }
  /** Negative when it was signed ahead of our clock. */
  | { readonly code: 'stale'; readonly ageSeconds: number; readonly maxAgeSeconds: number }
  | { readonly code: 'replayed'; readonly nonce: string }
  /** The store of nonces has no room, so that it cannot tell a replay. */
  | { readonly code: 'nonces_full' };

/** The codes alone. */
export type VerificationFailureCode = VerificationFailure['code'];

/** How old an answer may be, or how far ahead of our clock, both ends included. */
export const DEFAULT_MAX_AGE_SECONDS = 300;
/** No adjustment lives longer, so an older answer has nothing to say. */
export const MAX_MAX_AGE_SECONDS = ADJUSTMENT_TTL.max;
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
interface VerificationBounds {
  readonly maxAgeSeconds: number;
  readonly maxEnvelopeBytes: number;
  readonly expectedSchema: string;
}

/** Judges the options. @throws RangeError when one is out of its bounds. */
function boundsOf(options: VerifyFeedbackOptions): VerificationBounds {
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

/**
 * The envelope of an answer that passes every check, its nonce claimed; else the first failure.
 * `verifyFeedback` makes a `VerifiedFeedback` of it; what comes from here alone proves nothing to anybody else.
 */
export function checkAnswer(
  envelopeText: Uint8Array | string,
  options: VerifyFeedbackOptions,
  nowMs: number,
): Envelope | VerificationFailure {
  const bounds = boundsOf(options);
  const text = bytesOf(envelopeText, bounds.maxEnvelopeBytes);
  if ('code' in text) return text;
  const envelope = readEnvelope(text);
  if ('code' in envelope) return envelope;
  return (
    findForgery(envelope, options, nowMs) ??
    findOtherSchema(envelope, bounds) ??
    findStaleness(envelope, bounds, nowMs) ??
    claimNonce(envelope, bounds, options.seenNonces) ??
    envelope
  );
}

/** A text is judged by the bytes that it stands for; one with half a surrogate pair stands for none. */
function bytesOf(
  envelopeText: Uint8Array | string,
  maxEnvelopeBytes: number,
): Uint8Array | VerificationFailure {
  const tooLarge = { code: 'too_large', maxEnvelopeBytes } as const;
  if (envelopeText.length > maxEnvelopeBytes) return tooLarge;
  if (typeof envelopeText !== 'string') return envelopeText;
  if (!envelopeText.isWellFormed()) return { code: 'malformed_json', fault: 'invalid_utf8', offset: 0 };
  const bytes = new TextEncoder().encode(envelopeText);
  return bytes.length > maxEnvelopeBytes ? tooLarge : bytes;
}

function findForgery(
  envelope: Envelope,
  { keyring, tenant, verifier = portableVerifier }: VerifyFeedbackOptions,
  nowMs: number,
): VerificationFailure | undefined {
  const { kid, algorithm, signedAtSeconds, nonce, schemaVersion } = envelope;
  const found = keyring.find(kid, nowMs, signedAtSeconds * 1000);
  if (!found.ok) return { code: found.code, kid };
  if (algorithm !== FEEDBACK_SIGNATURE_ALGORITHM) return { code: 'other_algorithm', algorithm };
  const signature = decodeCanonicalBase64(envelope.signature, SIGNATURE_BYTES);
  const fields = { tenant, signedAtSeconds, nonce, schemaVersion, kid };
  const message = feedbackSigningInput(fields, envelope.canonicalData);
  const holds =
    signature !== undefined && message !== undefined && verifier.verify(found.key, message, signature);
  return holds ? undefined : { code: 'bad_signature', kid };
}

function findOtherSchema(
  { schemaVersion }: Envelope,
  { expectedSchema }: VerificationBounds,
): VerificationFailure | undefined {
  return schemaVersion === expectedSchema ? undefined : { code: 'other_schema', schemaVersion };
}

function findStaleness(
  { signedAtSeconds }: Envelope,
  { maxAgeSeconds }: VerificationBounds,
  nowMs: number,
): VerificationFailure | undefined {
  const ageSeconds = Math.floor(nowMs / 1000) - signedAtSeconds;
  return Math.abs(ageSeconds) <= maxAgeSeconds ? undefined : { code: 'stale', ageSeconds, maxAgeSeconds };
}

/** Kept until the first millisecond at which the answer is too old by itself. */
function claimNonce(
  { nonce, signedAtSeconds }: Envelope,
  { maxAgeSeconds }: VerificationBounds,
  seenNonces: SeenNonces,
): VerificationFailure | undefined {
  const claim = seenNonces.claim(nonce, (signedAtSeconds + maxAgeSeconds + 1) * 1000);
  if (claim === 'new') return undefined;
  return claim === 'seen' ? { code: 'replayed', nonce } : { code: 'nonces_full' };
}
