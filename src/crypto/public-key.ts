/** Public keys on the server: read from every encoding, known by their hash, and written out. */
import { createHash } from 'node:crypto';
import { encodeBase64, encodeBase64Url } from './bytes.js';
import { writeSpki } from './der.js';
import { passesPointCheck } from './engines.js';
import { thumbprintText, writePublicJwk } from './jwk.js';
import type { KeyEncoding, KeyFault } from './key-fault.js';
import { readPublicKey, type PointCheck } from './key-text.js';
import { writeOpenSshLine } from './openssh.js';
import { encodePem } from './pem.js';

export { describeKeyFault, type KeyFault } from './key-fault.js';

/** A judged Ed25519 public key: canonical, on the curve, of prime order. Made by {@link parsePublicKey}, or of a private key. */
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

/**
 * A key whose 32 bytes {@link parsePublicKey} has judged before, in another thread or process of this verifier.
 * Nothing is judged here: never give it what comes from a file or a peer.
 */
export function restorePublicKey(judged: Uint8Array): PublicKey {
  const raw = Uint8Array.from(judged);
  const fingerprintBytes = createHash('sha256').update(raw).digest();
  return Object.freeze({ raw, fingerprint: fingerprintBytes.toString('hex'), fingerprintBytes });
}

/**
 * Reads and judges a public key; see {@link readPublicKey}. Takes up to some milliseconds, so it belongs to loading a
 * configuration. Never throws on any input.
 * @param isJudged whether exactly these 32 bytes were found to be a sound key before, and need no second judgement;
 *   everything else about the key is looked at all the same.
 */
export function parsePublicKey(
  input: string | Uint8Array,
  isJudged: PointCheck = () => false,
): PublicKeyResult {
  const read = readPublicKey(input, (raw) => isJudged(raw) || passesPointCheck(raw));
  if ('code' in read) return { ok: false, fault: read };
  return { ok: true, key: restorePublicKey(read.raw), encoding: read.encoding };
}

/** The JWK thumbprint of a key's 32 bytes: SHA-256, 43 characters of base64url (RFC 7638). Nothing is judged here. */
export function jwkThumbprint(raw: Uint8Array): string {
  return encodeBase64Url(createHash('sha256').update(thumbprintText(raw)).digest());
}

/** The encodings that are text, and so can go to a file or a terminal. */
export type TextKeyEncoding = Exclude<KeyEncoding, 'raw' | 'der'>;

/** Every text encoding, in the order in which a help text lists them. */
export const TEXT_KEY_ENCODINGS: readonly TextKeyEncoding[] = ['pem', 'base64', 'openssh', 'jwk'];

/** A comment with a line break could add a line of its own to an authorized-keys file. */
function assertComment(comment: string): void {
  if (!/^[\x20-\x7e]{0,200}$/.test(comment))
    throw new RangeError('a comment is up to 200 printable ASCII characters');
}

/**
 * Writes a public key: base64 of its 32 bytes, SPKI PEM, an OpenSSH line, or a JWK. Ends with a newline.
 * @param comment for OpenSSH only: printable ASCII, otherwise it throws.
 */
export function encodePublicKey(key: PublicKey, encoding: TextKeyEncoding, comment = ''): string {
  assertComment(comment);
  switch (encoding) {
    case 'base64':
      return `${encodeBase64(key.raw)}\n`;
    case 'pem':
      return encodePem('PUBLIC KEY', writeSpki(key.raw));
    case 'openssh':
      return `${writeOpenSshLine(key.raw, comment)}\n`;
    case 'jwk':
      return `${writePublicJwk(key.raw)}\n`;
  }
}
