/** Strings (RFC 8259, section 7): judged, and unescaped into bytes. Runs anywhere: no Node built-in and no Buffer. */
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
  SPACE,
  byteAt,
  hexValue,
} from './bytes.js';
import type { Cursor } from './faults.js';
import { utf8SequenceEnd, writeCodePoint } from './utf8.js';

/** 0 for the bytes that may stand in a string as they are: ASCII from the space on, without quote and backslash. */
const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= SPACE && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 0 : 1,
);

/** What was seen in a string, in the flags that `readString` gives. */
export const STRING_HAS_ESCAPES = 1;
/** The string holds bytes above 0x7f. */
export const STRING_HAS_NON_ASCII = 2;

/**
 * Reads a string whose opening quote has been read, and leaves the cursor after its closing quote.
 * Returns the flags `STRING_HAS_…`, or -1 with the fault noted. Source: RFC 8259, section 7.
 */
export function readString(cursor: Cursor): number {
  const { bytes } = cursor;
  let at = cursor.at;
  let flags = 0;
  for (;;) {
    at = skipPlain(bytes, at);
    const byte = byteAt(bytes, at);
    if (byte === QUOTE) {
      cursor.at = at + 1;
      return flags;
    }
    flags |= byte === BACKSLASH ? STRING_HAS_ESCAPES : STRING_HAS_NON_ASCII;
    const next = stepOver(cursor, byte, at);
    if (next < 0) return -1;
    at = next;
  }
}

/** The index of the first special byte from `at` on. Four bytes at a time: strings are most of a body. */
function skipPlain(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  while (at + 3 < length && arePlain(bytes, at) && arePlain(bytes, at + 2)) at += 4;
  while (at < length && SPECIAL[bytes[at] ?? 0] === 0) at += 1;
  return at;
}

/** Whether two bytes are plain. */
function arePlain(bytes: Uint8Array, at: number): boolean {
  return ((SPECIAL[bytes[at] ?? 0] ?? 1) | (SPECIAL[bytes[at + 1] ?? 0] ?? 1)) === 0;
}

/** The index after the escape or the multi-byte sequence at `at`, or -1 with the fault noted. */
function stepOver(cursor: Cursor, byte: number, at: number): number {
  const { bytes } = cursor;
  if (byte === BACKSLASH) {
    if (escapedUnit(bytes, at) >= 0) return at + escapeLength(bytes, at);
    cursor.fail('invalid_escape', at);
    return -1;
  }
  if (byte >= 0x80) {
    const next = utf8SequenceEnd(bytes, at);
    if (next < 0) cursor.fail('invalid_utf8', at);
    return next;
  }
  cursor.failUnlessEnd('control_character', at);
  return -1;
}

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
function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** Whether a UTF-16 code unit is the second half of a surrogate pair. */
function isLowSurrogate(unit: number): boolean {
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
function lowSurrogateAt(bytes: Uint8Array, at: number): number {
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
