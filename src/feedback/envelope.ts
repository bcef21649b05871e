/**
 * The envelope of a signed answer (docs/wire-contract.md#a-signed-answer): its members, the bytes that its signature
 * covers, and its text. The signer writes by it and the client reads by it, so it runs anywhere: no Node built-in and no Buffer.
 */
import { concatBytes, encodeBase64 } from '../crypto/bytes.js';
import { escapeNonAscii } from '../json/escape-text.js';
import type { FieldRule } from '../protocol/field-rules.js';

/** The schema version of the signed envelope. */
export const FEEDBACK_RESPONSE_SCHEMA = 'feedback.response.v1';
/** The schema version of an adjustment. */
export const FEEDBACK_ADJUSTMENT_SCHEMA = 'feedback.adjustment.v1';
/** The only algorithm of an envelope. */
export const FEEDBACK_SIGNATURE_ALGORITHM = 'Ed25519';

/** Seconds for which an adjustment holds. */
export const ADJUSTMENT_TTL = { kind: 'integer', min: 60, max: 86_400 } as const satisfies FieldRule;
/** Of `execution_fingerprint` and `attestation_measurement_hash`. */
export const ADJUSTMENT_HASH: FieldRule = { kind: 'sha256' };

/** The members that the signature covers or that verify it. */
export const SIGNED_MEMBERS = [
  'data',
  'signature',
  'kid',
  'signature_algorithm',
  'signed_at',
  'nonce',
  'schema_version',
] as const;

/** One of them. */
export type EnvelopeMember = (typeof SIGNED_MEMBERS)[number];

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

/** Of the fields before the data: a UUID, a time, a nonce, a schema, a kid and what parts them; rounded up. */
const MAX_FIELDS_BYTES = 256;
/** One byte of an answer may be written as six: DEL. No number grows as much (`9e15` → `9000000000000000.0`). */
const MAX_CANONICAL_GROWTH = 6;

/** The longest signing input that an answer of so many bytes can have, in bytes. */
export function maxSigningInputBytes(answerBytes: number): number {
  return MAX_CANONICAL_GROWTH * answerBytes + MAX_FIELDS_BYTES;
}

/** The longest answer whose signing input has no more than so many bytes. */
export function maxAnswerBytesFor(signingInputBytes: number): number {
  return Math.floor((signingInputBytes - MAX_FIELDS_BYTES) / MAX_CANONICAL_GROWTH);
}

/** Everything in an envelope that is not fixed. */
interface EnvelopeParts extends Omit<SignedFields, 'tenant'> {
  readonly requestId: string;
  readonly status: string;
  /** The canonical text that was signed: delivered as it is, so that the signature holds for the delivered bytes. */
  readonly data: Uint8Array;
  /** Canonical text of a list. */
  readonly errors: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** The envelope as JSON, in ASCII, its members in the order of docs/wire-contract.md. */
export function writeEnvelope(parts: EnvelopeParts): Uint8Array {
  const { requestId, status, data, errors } = parts;
  const signatureMembers = membersText({
    signature: encodeBase64(parts.signature),
    kid: parts.kid,
    signature_algorithm: FEEDBACK_SIGNATURE_ALGORITHM,
    signed_at: parts.signedAtSeconds,
    nonce: parts.nonce,
    schema_version: parts.schemaVersion,
  } satisfies Record<Exclude<EnvelopeMember, 'data'>, string | number>);
  const encoder = new TextEncoder();
  return concatBytes(
    encoder.encode(`{${membersText({ request_id: requestId, status })},"data":`),
    data,
    encoder.encode(',"errors":'),
    errors,
    encoder.encode(`,${signatureMembers}}`),
  );
}

/** Members as JSON without braces and without a byte above 0x7e: lone surrogates, too, are what they were when read back. */
function membersText(members: Readonly<Record<string, string | number>>): string {
  return escapeNonAscii(JSON.stringify(members)).slice(1, -1);
}
