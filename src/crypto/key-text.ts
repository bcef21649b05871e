/**
 * Key texts: which encoding one is in, by how it begins; and the one reader of public keys, for server and browser.
 * Runs anywhere: no Node built-in and no Buffer.
 */
import { decodeBase64, latin1FromBytes } from './bytes.js';
import { isDerKey, readPkcs8, readSpki } from './der.js';
import { findPointFault } from './edwards-point.js';
import { readPublicJwk } from './jwk.js';
import {
  faultOfDer,
  faultOfLabel,
  isOpenSshAlgorithm,
  type KeyEncoding,
  type KeyFault,
} from './key-fault.js';
import { readOpenSshLine } from './openssh.js';
import { decodePem } from './pem.js';

/** More than any key in any of the encodings; longer input is not looked at. */
const MAX_KEY_TEXT_CHARS = 16_384;

const BLANKS = ' \t\r\n';

/** Without ASCII blanks at both ends, in linear time. `String.trim` would also drop a byte-order mark. */
function trimBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && BLANKS.includes(text.charAt(start))) start++;
  while (end > start && BLANKS.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

/** A text and the encoding that it announces; whether it keeps the promise is for the decoder to say. */
export interface KeyText {
  readonly encoding: Exclude<KeyEncoding, 'raw' | 'der'>;
  readonly text: string;
}

const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/**
 * Whether bytes are text (UTF-8 without control characters, and not of blanks alone), and so never a key as it is,
 * whatever their number: of random ones fewer than one in 10^11 look like this at a length of 32.
 */
export function isText(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return trimBlanks(text) !== '' && !CONTROL.test(text);
  } catch {
    return false;
  }
}

/** Whether a text is the hex of 32 or 64 bytes, which would pass as base64 of another length. */
export function isHex({ text }: KeyText): boolean {
  return /^(?:[0-9a-fA-F]{64}){1,2}$/.test(text);
}

/** Recognises the encoding of a key text, given as a string or as the bytes of its file. */
export function recogniseKeyText(input: string | Uint8Array): KeyText | undefined {
  if (input.length > MAX_KEY_TEXT_CHARS) return undefined;
  const text = trimBlanks(typeof input === 'string' ? input : latin1FromBytes(input));
  if (text.startsWith('{')) return { encoding: 'jwk', text };
  if (isOpenSshAlgorithm(/^[^ \t\r\n]+/.exec(text)?.[0] ?? '')) return { encoding: 'openssh', text };
  if (text.includes('-----BEGIN ')) return { encoding: 'pem', text };
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? { encoding: 'base64', text } : undefined;
}

function readPem(text: string): Uint8Array | KeyFault {
  const block = decodePem(text);
  if (block === undefined) return { code: 'malformed', encoding: 'pem', part: 'pem_frame' };
  if (block.label.endsWith('PRIVATE KEY')) return { code: 'private_where_public_expected', encoding: 'pem' };
  if (block.label !== 'PUBLIC KEY') return faultOfLabel(block.label);
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

/** A judged public key: canonical, on the curve, of prime order; and how it was written. */
interface ReadPublicKey {
  /** The 32 bytes of RFC 8032 §5.1.5, in memory of their own. */
  readonly raw: Uint8Array;
  readonly encoding: KeyEncoding;
}

/** Whether 32 bytes are known to be an acceptable point without asking `edwards-point.ts`; `false` says nothing. */
export type PointCheck = (raw: Uint8Array) => boolean;

/**
 * Reads and judges a public key: 32 raw bytes, their standard base64, SPKI in PEM or DER (RFC 8410), an OpenSSH line,
 * or a JWK (RFC 8037). A text may be given as the bytes of its file; what is text is never taken as raw.
 * Takes a millisecond where `isAcceptable` does not know the point. Never throws on any input.
 */
export function readPublicKey(
  input: string | Uint8Array,
  isAcceptable: PointCheck = () => false,
): ReadPublicKey | KeyFault {
  if (typeof input !== 'string' && !isText(input)) {
    if (input.length === 32) return judge(input, 'raw', isAcceptable);
    if (isDerKey(input)) return judge(readDer(input), 'der', isAcceptable);
  }
  const keyText = recogniseKeyText(input);
  if (keyText === undefined) return { code: 'unrecognised' };
  return judge(readText(keyText), keyText.encoding, isAcceptable);
}

function judge(
  bytes: Uint8Array | KeyFault,
  encoding: KeyEncoding,
  isAcceptable: PointCheck,
): ReadPublicKey | KeyFault {
  if ('code' in bytes) return bytes;
  if (bytes.length !== 32) return { code: 'wrong_length', actualBytes: bytes.length };
  const point = isAcceptable(bytes) ? undefined : findPointFault(bytes);
  return point === undefined
    ? { raw: Uint8Array.from(bytes), encoding }
    : { code: 'bad_point', encoding, point };
}
