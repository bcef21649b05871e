/** The bytes that a feedback signature covers (docs/wire-contract.md#a-signed-answer). Runs anywhere: no Node built-in and no Buffer. */
import { concatBytes } from '../crypto/bytes.js';

/** The schema version of the signed envelope. */
export const FEEDBACK_RESPONSE_SCHEMA = 'feedback.response.v1';

/** The only algorithm of an envelope. */
export const FEEDBACK_SIGNATURE_ALGORITHM = 'Ed25519';

/** What is signed besides the data. */
export interface SignedFields {
  /** The tenant of the query, unchanged. */
  readonly tenant: string;
  /** Unix seconds, an integer. */
  readonly signedAtSeconds: number;
  readonly nonce: string;
  readonly schemaVersion: string;
  readonly kid: string;
}

/** Printable, and without the `|` that would let bytes move from one field to the next. Not empty. */
const FIELD = /^[^|\u0000-\u001f\u007f-\u009f]+$/;

/** Whether a text can be one of the fields before the data: no `|`, no control character, well-formed Unicode. */
export function isSignableField(text: string): boolean {
  return FIELD.test(text) && text.isWellFormed();
}

/**
 * `tenant_id|signed_at|nonce|schema_version|kid|canonical(data)` in UTF-8; undefined when a field could be read
 * in two ways, or `signedAtSeconds` is no whole number from 0 on.
 * @param canonicalData from `canonicalize`.
 */
export function feedbackSigningInput(
  fields: SignedFields,
  canonicalData: Uint8Array,
): Uint8Array | undefined {
  const { tenant, signedAtSeconds, nonce, schemaVersion, kid } = fields;
  if (!Number.isSafeInteger(signedAtSeconds) || signedAtSeconds < 0) return undefined;
  const texts = [tenant, String(signedAtSeconds), nonce, schemaVersion, kid];
  if (!texts.every(isSignableField)) return undefined;
  return concatBytes(new TextEncoder().encode(`${texts.join('|')}|`), canonicalData);
}
