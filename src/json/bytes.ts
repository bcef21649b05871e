/** Bytes of a JSON text: those that its grammar names, ranges compared, hashed and made strings. */

/** The ASCII bytes that JSON's grammar names (RFC 8259, section 2). */
export const TAB = 0x09;
export const LINE_FEED = 0x0a;
export const CARRIAGE_RETURN = 0x0d;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const ZERO = 0x30;
const NINE = 0x39;
export const COLON = 0x3a;
export const UPPER_E = 0x45;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const LOWER_B = 0x62;
export const LOWER_E = 0x65;
export const LOWER_F = 0x66;
export const LOWER_N = 0x6e;
export const LOWER_R = 0x72;
export const LOWER_T = 0x74;
export const LOWER_U = 0x75;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

/**
 * The byte at an index, 0 past the end. JSON accepts a 0 byte nowhere, so it stands for the end of the text
 * without a second test; whoever refuses it looks at the length to tell the two apart.
 */
export function byteAt(bytes: Uint8Array, index: number): number {
  return index < bytes.length ? (bytes[index] ?? 0) : 0;
}

/** Whether a byte is an ASCII digit. */
export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** The value of a hexadecimal digit of either case, or -1. */
export function hexValue(byte: number): number {
  if (isDigit(byte)) return byte - ZERO;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Whether two byte ranges of the same length hold the same bytes. */
export function sameBytes(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let index = 0; index < length; index += 1) {
    if (left[leftStart + index] !== right[rightStart + index]) return false;
  }
  return true;
}

/**
 * A cheap 32-bit hash of a byte range, to skip comparisons of names. It is no secret and anyone can make two names
 * collide: a collision costs one comparison of bytes and decides nothing.
 */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let index = start; index < end; index += 1) hash = (Math.imul(hash, 31) + (bytes[index] ?? 0)) | 0;
  return hash;
}

/**
 * The bytes of a range as a string of one character each (ISO 8859-1): for ASCII its text, for anything else a key
 * that is equal exactly when the bytes are. Made for short ranges, where a decoder's fixed cost would dominate.
 */
export function byteString(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let at = start;
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0);
  }
  for (; at < end; at += 1) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}
