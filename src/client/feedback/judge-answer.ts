/** The checks of an answer, in their order (docs/wire-contract.md#a-signed-answer). Runs anywhere: no Node built-in and no Buffer. */
import { decodeCanonicalBase64 } from '../../crypto/base64.js';
import { portableVerifier } from '../../crypto/portable.js';
import { SIGNATURE_BYTES } from '../../crypto/strict-signature.js';
import { FEEDBACK_SIGNATURE_ALGORITHM, feedbackSigningInput } from '../../feedback/signing-input.js';
import { readEnvelope, type Envelope } from './envelope.js';
import type { SeenNonces } from './seen-nonces.js';
import type { VerificationFailure } from './verification-failure.js';
import { boundsOf, type VerificationBounds, type VerifyFeedbackOptions } from './verify-options.js';

/**
 * The envelope of an answer that passes every check, its nonce claimed; else the first failure.
 * `verifyFeedback` makes a `VerifiedFeedback` of it; what comes from here alone proves nothing to anybody else.
 */
export function judgeAnswer(
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
