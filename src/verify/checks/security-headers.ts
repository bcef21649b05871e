/** Exactly one of each security header, of exactly its syntax (docs/security-requirements.md#7, #8). */
import { decodeCanonicalBase64 } from '../../crypto/bytes.js';
import { normalizeFingerprint } from '../../crypto/certificate.js';
import { headerValues, type InboundRequest } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';
import type { SignedPolicy } from '../snapshot.js';
import type { SecurityHeaderNames } from '../../protocol/header-names.js';
import { IDENTITY, KID, NONCE, SIGNATURE_BYTES, TIMESTAMP } from '../../protocol/syntax.js';

/** The security headers of one request, each well-formed; none of them is proven yet. */
export interface SignedRequest {
  readonly identity: string;
  /** The caller's own claim about its certificate, 64 lower-case hex digits. Proves nothing. */
  readonly claimedCertificateSha256: string | undefined;
  readonly kid: string | undefined;
  /** Absent where the body carries the signature. */
  readonly proof: SignatureProof | undefined;
}

/** The three headers of the signature (docs/wire-contract.md#a-signed-request). */
export interface SignatureProof {
  /** The digits as sent: they are part of the signing input. */
  readonly timestamp: string;
  readonly timestampSeconds: number;
  readonly nonce: string;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** Reads the headers that this policy's way of signing demands. What it returns is well-formed, not proven. */
export function checkSecurityHeaders(
  request: InboundRequest,
  names: SecurityHeaderNames,
  signature: SignedPolicy['signature'],
): { readonly kind: 'headers'; readonly signed: SignedRequest } | Refusal {
  const identity = required(request, names.identity, IDENTITY);
  if (typeof identity !== 'string') return identity;
  const kid = optional(request, names.kid, KID);
  if (typeof kid === 'object') return kid;
  const claimed = claimedCertificate(request, names.certificateSha256);
  if (typeof claimed === 'object') return claimed;
  const proof = signature === 'headers' ? readProof(request, names) : undefined;
  if (proof !== undefined && 'code' in proof) return proof;
  return { kind: 'headers', signed: { identity, kid, claimedCertificateSha256: claimed, proof } };
}

function readProof(request: InboundRequest, names: SecurityHeaderNames): SignatureProof | Refusal {
  const timestamp = required(request, names.timestamp, TIMESTAMP);
  if (typeof timestamp !== 'string') return timestamp;
  const nonce = required(request, names.nonce, NONCE);
  if (typeof nonce !== 'string') return nonce;
  const text = required(request, names.signature, undefined);
  if (typeof text !== 'string') return text;
  const signature = decodeCanonicalBase64(text, SIGNATURE_BYTES);
  if (signature === undefined) return refuse('header_malformed', names.signature);
  return { timestamp, timestampSeconds: Number(timestamp), nonce, signature };
}

function claimedCertificate(request: InboundRequest, name: string): string | undefined | Refusal {
  const text = optional(request, name, undefined);
  if (typeof text !== 'string') return text;
  return normalizeFingerprint(text) ?? refuse('header_malformed', name);
}

function required(request: InboundRequest, name: string, syntax: RegExp | undefined): string | Refusal {
  return optional(request, name, syntax) ?? refuse('header_missing', name);
}

function optional(
  request: InboundRequest,
  name: string,
  syntax: RegExp | undefined,
): string | undefined | Refusal {
  const values = headerValues(request, name);
  const [only] = values;
  if (only === undefined) return undefined;
  if (values.length > 1) return refuse('header_duplicate', name);
  return syntax === undefined || syntax.test(only) ? only : refuse('header_malformed', name);
}
