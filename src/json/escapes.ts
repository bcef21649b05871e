import {
  BACKSLASH,
  LOWER_B,
  LOWER_F,
  LOWER_N,
  LOWER_R,
  LOWER_T,
  LOWER_U,
  QUOTE,
  SLASH,
  byteAt,
  hexValue,
} from './bytes.js';
import { writeCodePoint } from './utf8.js';

/**
 * The UTF-16 code unit that the escape at `at` (its backslash) stands for, or -1 when it is none of RFC 8259's.
 * Its length is `escapeLength`.
 */
export function escapedUnit(bytes: Uint8Array, at: number): number {
  const letter = byteAt(bytes, at + 1);
  switch (letter) {
    case QUOTE:
    case BACKSLASH:
    case SLASH:
      return letter;
    case LOWER_B:
      return 0x08;
    case LOWER_F:
      return 0x0c;
    case LOWER_N:
      return 0x0a;
    case LOWER_R:
      return 0x0d;
    case LOWER_T:
      return 0x09;
    case LOWER_U:
      return fourHexDigits(bytes, at + 2);
    default:
      return -1;
  }
}

/** Bytes of the well-formed escape at `at`: 6 for a `\u` escape, else 2. */
export function escapeLength(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at + 1) === LOWER_U ? 6 : 2;
}

/** Whether a UTF-16 code unit is the first half of a surrogate pair. */
export function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** Whether a UTF-16 code unit is the second half of a surrogate pair. */
export function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}

/**
 * Writes the unescaped form of an already validated string content, in the UTF-8 of `writeCodePoint` (escaped
 * surrogate pairs become one code point, lone ones stay alone), and returns the index after it.
 * It is never longer than its source; the caller has made room for `end - start` bytes.
 */
export function unescapeInto(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
): number {
  let to = targetStart;
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte !== BACKSLASH) {
      target[to] = byte;
      to += 1;
      at += 1;
      continue;
    }
    const unit = escapedUnit(bytes, at);
    at += escapeLength(bytes, at);
    const low = isHighSurrogate(unit) && at < end ? lowSurrogateAt(bytes, at) : -1;
    if (low >= 0) at += 6;
    to = writeCodePoint(target, to, low < 0 ? unit : 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff));
  }
  return to;
}

/** The low surrogate that is escaped at `at`, or -1 when something else is there. */
export function lowSurrogateAt(bytes: Uint8Array, at: number): number {
  if (byteAt(bytes, at) !== BACKSLASH) return -1;
  const unit = escapedUnit(bytes, at);
  return isLowSurrogate(unit) ? unit : -1;
}

function fourHexDigits(bytes: Uint8Array, at: number): number {
  const high = hexValue(byteAt(bytes, at));
  const second = hexValue(byteAt(bytes, at + 1));
  const third = hexValue(byteAt(bytes, at + 2));
  const low = hexValue(byteAt(bytes, at + 3));
  // One test for four digits: a negative one keeps its sign bit through the OR.
  if ((high | second | third | low) < 0) return -1;
  return (high << 12) | (second << 8) | (third << 4) | low;
}
