/** Which of the key encodings a text is in, by how it begins. */
import { latin1FromBytes } from './bytes.js';
import type { KeyEncoding } from './key-fault.js';

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
 * Whether bytes are text (UTF-8 without control characters, and not of blanks alone), and so never a key as it is, whatever their number: of
 * random ones fewer than one in 10^11 look like this at a length of 32.
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
  if (/^(?:ssh|ecdsa|sk)-/.test(text)) return { encoding: 'openssh', text };
  if (text.includes('-----BEGIN ')) return { encoding: 'pem', text };
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? { encoding: 'base64', text } : undefined;
}
