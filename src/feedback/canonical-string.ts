import {
  BACKSLASH,
  LOWER_B,
  LOWER_F,
  LOWER_N,
  LOWER_R,
  LOWER_T,
  LOWER_U,
  QUOTE,
  SPACE,
} from '../json/bytes.js';
import { escapeLength, escapedUnit } from '../json/strings.js';
import { readCodePoint, utf8Length } from '../json/utf8.js';

/** Bytes of output that one byte of a string can become: DEL becomes `\u007f`. */
export const STRING_GROWTH = 6;

const DELETE = 0x7f;
const HEX_DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** 1 for the bytes that stay as they are: printable ASCII, except the backslash. */
const COPIED = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= SPACE && byte < DELETE && byte !== BACKSLASH ? 1 : 0,
);

/** The letter of the short escape of a code unit, where Python has one: `\b \t \n \f \r \" \\`, but no `\/`. */
const SHORT_ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x08, LOWER_B],
  [0x09, LOWER_T],
  [0x0a, LOWER_N],
  [0x0c, LOWER_F],
  [0x0d, LOWER_R],
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
]);

/**
 * Writes a validated string content (without quotes) as `json.dumps` with `ensure_ascii` would, and returns the index
 * after it. The caller has made room for `STRING_GROWTH` bytes for each of its own.
 */
export function writeStringContent(
  target: Uint8Array,
  targetStart: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let to = targetStart;
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (COPIED[byte] === 1) {
      target[to++] = byte;
      at += 1;
    } else if (byte === BACKSLASH) {
      // An escaped surrogate pair is printed as the same two escapes, so each half can go by itself.
      to = writeUnit(target, to, escapedUnit(bytes, at));
      at += escapeLength(bytes, at);
    } else {
      to = writeNonAscii(target, to, readCodePoint(bytes, at));
      at += utf8Length(byte);
    }
  }
  return to;
}

/** Writes a code unit that was escaped: as itself where it is printable ASCII. */
function writeUnit(target: Uint8Array, to: number, unit: number): number {
  const letter = SHORT_ESCAPES.get(unit);
  if (letter !== undefined) {
    target[to] = BACKSLASH;
    target[to + 1] = letter;
    return to + 2;
  }
  if (unit < SPACE || unit >= DELETE) return writeHexEscape(target, to, unit);
  target[to] = unit;
  return to + 1;
}

/** Writes DEL or a code point above it: as a surrogate pair where it is astral. */
function writeNonAscii(target: Uint8Array, to: number, codePoint: number): number {
  if (codePoint < 0x10000) return writeHexEscape(target, to, codePoint);
  const offset = codePoint - 0x10000;
  const low = writeHexEscape(target, to, 0xd800 | (offset >> 10));
  return writeHexEscape(target, low, 0xdc00 | (offset & 0x3ff));
}

function writeHexEscape(target: Uint8Array, to: number, unit: number): number {
  target[to] = BACKSLASH;
  target[to + 1] = LOWER_U;
  target[to + 2] = HEX_DIGITS[unit >> 12] ?? 0;
  target[to + 3] = HEX_DIGITS[(unit >> 8) & 0xf] ?? 0;
  target[to + 4] = HEX_DIGITS[(unit >> 4) & 0xf] ?? 0;
  target[to + 5] = HEX_DIGITS[unit & 0xf] ?? 0;
  return to + 6;
}
