/** Public keys: parsed from every encoding that operators have, judged once, identified by their hash. */
import { createHash } from 'node:crypto';
import { decodeBase64 } from './base64.js';
import { isDerKey, readPkcs8, readSpki } from './der-keys.js';
import { findPointFault } from './edwards-point.js';
import { readPublicJwk } from './jwk.js';
import { faultOfDer, type KeyEncoding, type KeyFault } from './key-fault.js';
import { isHex, isText, recogniseKeyText, type KeyText } from './key-text.js';
import { readOpenSshLine } from './openssh.js';
import { decodePem } from './pem.js';
import { provesPoint } from './point-proof.js';

export { describeKeyFault, type KeyEncoding, type KeyFault } from './key-fault.js';

/** A judged Ed25519 public key: canonical, on the curve, of prime order. Made by {@link parsePublicKey} only. */
export interface PublicKey {
  /** The 32 bytes of RFC 8032 §5.1.5, in memory of their own. Nobody may write to them. */
  readonly raw: Uint8Array;
  /** SHA-256 of `raw`, 64 lower-case hex digits. */
  readonly fingerprint: string;
  /** The same 32 bytes of hash, for use as a key or in another hash. */
  readonly fingerprintBytes: Buffer;
}

/** Outcome of parsing a public key. */
export type PublicKeyResult =
  | { readonly ok: true; readonly key: PublicKey; readonly encoding: KeyEncoding }
  | { readonly ok: false; readonly fault: KeyFault };

function readPem(text: string): Uint8Array | KeyFault {
  const block = decodePem(text);
  if (block === undefined) return { code: 'malformed', encoding: 'pem', part: 'pem_frame' };
  if (block.label.endsWith('PRIVATE KEY')) return { code: 'private_where_public_expected', encoding: 'pem' };
  if (block.label !== 'PUBLIC KEY') return { code: 'unsupported_pem', label: block.label };
  return block.bytes === undefined
    ? { code: 'malformed', encoding: 'pem', part: 'base64' }
    : readSpki(block.bytes);
}

function readDer(der: Uint8Array): Uint8Array | KeyFault {
  const isPrivate = 'seed' in readPkcs8(der);
  return isPrivate ? { code: 'private_where_public_expected', encoding: 'der' } : faultOfDer(readSpki(der));
}

function readText(keyText: KeyText): Uint8Array | KeyFault {
  if (isHex(keyText)) return { code: 'hex' };
  const { encoding, text } = keyText;
  switch (encoding) {
    case 'jwk':
      return readPublicJwk(text);
    case 'openssh':
      return readOpenSshLine(text);
    case 'pem':
      return readPem(text);
    case 'base64':
      return decodeBase64(text) ?? { code: 'malformed', encoding, part: 'base64' };
  }
}

/** Whether exactly these 32 bytes were found to be a sound key before. */
export type IsJudged = (raw: Uint8Array) => boolean;

function judge(
  bytes: Uint8Array | KeyFault,
  encoding: KeyEncoding,
  isJudged: IsJudged | undefined,
): PublicKeyResult {
  if ('code' in bytes) return { ok: false, fault: bytes };
  if (bytes.length !== 32) return { ok: false, fault: { code: 'wrong_length', actualBytes: bytes.length } };
  const point = isJudged?.(bytes) === true || provesPoint(bytes) ? undefined : findPointFault(bytes);
  if (point !== undefined) return { ok: false, fault: { code: 'bad_point', encoding, point } };
  return { ok: true, key: restorePublicKey(bytes), encoding };
}

/**
 * A key whose 32 bytes {@link parsePublicKey} has judged before, in another thread or process of this verifier.
 * Nothing is judged here: never give it what comes from a file or a peer.
 */
export function restorePublicKey(judged: Uint8Array): PublicKey {
  const raw = Uint8Array.from(judged);
  const fingerprintBytes = createHash('sha256').update(raw).digest();
  return Object.freeze({ raw, fingerprint: fingerprintBytes.toString('hex'), fingerprintBytes });
}

/** Judges 32 bytes that are known to be a key, as they come out of a computation. */
export function judgePublicKey(raw: Uint8Array): PublicKeyResult {
  return judge(raw, 'raw', undefined);
}

/**
 * Parses and judges a public key: 32 raw bytes, their standard base64, SPKI in PEM or DER (RFC 8410), an OpenSSH line,
 * or a JWK (RFC 8037). A text may be given as the bytes of its file; what is text is never taken as raw.
 * Takes up to some milliseconds, so it belongs to loading a configuration. Never throws on any input.
 * @param isJudged keys that need no second proof; everything else about them is looked at all the same.
 */
export function parsePublicKey(input: string | Uint8Array, isJudged?: IsJudged): PublicKeyResult {
  if (typeof input !== 'string' && !isText(input)) {
    if (input.length === 32) return judge(input, 'raw', isJudged);
    if (isDerKey(input)) return judge(readDer(input), 'der', isJudged);
  }
  const keyText = recogniseKeyText(input);
  if (keyText === undefined) return { ok: false, fault: { code: 'unrecognised' } };
  return judge(readText(keyText), keyText.encoding, isJudged);
}
