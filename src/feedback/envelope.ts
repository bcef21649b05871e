/** The envelope that reaches the consumer (docs/wire-contract.md#a-signed-answer), around canonical data. */
import { encodeBase64 } from '../crypto/bytes.js';
import { escapeNonAscii } from '../json/escape-text.js';
import { FEEDBACK_RESPONSE_SCHEMA, FEEDBACK_SIGNATURE_ALGORITHM } from './signing-input.js';

/** Everything in an envelope that is not fixed. */
export interface EnvelopeParts {
  readonly requestId: string;
  readonly status: string;
  /** The canonical text that was signed: delivered as it is, so that the signature holds for the delivered bytes. */
  readonly data: Uint8Array;
  /** Canonical text of a list. */
  readonly errors: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  readonly kid: string;
  readonly signedAtSeconds: number;
  readonly nonce: string;
}

/** The envelope as JSON, in ASCII, its members in the order of docs/wire-contract.md. */
export function writeEnvelope(parts: EnvelopeParts): Buffer {
  const { kid, nonce } = parts;
  const signatureMembers = [
    ['signature', asciiJson(encodeBase64(parts.signature))],
    ['kid', asciiJson(kid)],
    ['signature_algorithm', asciiJson(FEEDBACK_SIGNATURE_ALGORITHM)],
    ['signed_at', String(parts.signedAtSeconds)],
    ['nonce', asciiJson(nonce)],
    ['schema_version', asciiJson(FEEDBACK_RESPONSE_SCHEMA)],
  ].map(([name, value]) => `"${name}":${value}`);
  return Buffer.concat([
    ascii(`{"request_id":${asciiJson(parts.requestId)},"status":${asciiJson(parts.status)},"data":`),
    parts.data,
    ascii(',"errors":'),
    parts.errors,
    ascii(`,${signatureMembers.join(',')}}`),
  ]);
}

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A text as JSON without a byte above 0x7e: lone surrogates, too, are what they were when it is read back. */
function asciiJson(text: string): string {
  return escapeNonAscii(JSON.stringify(text));
}
