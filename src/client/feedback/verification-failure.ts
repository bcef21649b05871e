/** Why an answer was not verified, as one closed union: callers branch on `code`. */
import type { EnvelopeFault } from './envelope.js';

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
