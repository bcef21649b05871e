import { BACKSLASH, QUOTE, SPACE, byteAt } from './bytes.js';
import type { Cursor } from './cursor.js';
import { escapeLength, escapedUnit } from './escapes.js';
import { utf8SequenceEnd } from './utf8.js';

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
