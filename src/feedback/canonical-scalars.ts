/** How CPython's `json.dumps` prints strings (`ensure_ascii`) and floats (`repr`), written into a byte array. */
import {
  BACKSLASH,
  DOT,
  LOWER_B,
  LOWER_F,
  LOWER_N,
  LOWER_R,
  LOWER_T,
  LOWER_U,
  MINUS,
  QUOTE,
  SPACE,
  ZERO,
  byteAt,
  isDigit,
} from '../json/bytes.js';
import { escapeLength, escapedUnit } from '../json/strings.js';
import { readCodePoint, utf8Length } from '../json/utf8.js';
import { floatValue } from '../json/numbers.js';

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

/** Decimal numbers of up to this many digits are each the shortest name of their own double (C's `DBL_DIG`). */
const EXACT_DIGITS = 15;

/**
 * What CPython's `repr(float)` prints for a finite double: the shortest digits that read back as it, in positional
 * notation from 1e-4 up to and without 1e16 (with `.0` for a whole number), else with an exponent of two digits
 * or more. JavaScript finds the same digits; only the notation differs.
 */
export function pythonFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e16) return Number.isInteger(value) ? `${value}.0` : `${value}`;
  const text = value.toExponential();
  // Only e-5 to e-9 have one digit: positive exponents begin at 16 here.
  return text.at(-2) === '-' ? `${text.slice(0, -1)}0${text.slice(-1)}` : text;
}

/**
 * Writes a float lexeme's canonical form and returns the index after it. The caller has made room for 25 bytes, or
 * for the lexeme where that is longer.
 */
export function writeFloat(
  target: Uint8Array,
  targetStart: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const plainEnd = plainDecimalEnd(bytes, start, end);
  let to = targetStart;
  if (plainEnd >= 0) {
    for (let at = start; at < plainEnd; at += 1) target[to++] = bytes[at] ?? 0;
    return to;
  }
  const text = pythonFloat(floatValue(bytes, start, end));
  for (let index = 0; index < text.length; index += 1) target[to++] = text.charCodeAt(index);
  return to;
}

/**
 * Where a lexeme ends that is its own `repr` up to there, only zeros following: few digits, no exponent, and not so
 * small that it would need one. -1 for every other lexeme. It saves the way through a double for nearly all floats
 * that people and programs write.
 */
function plainDecimalEnd(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > EXACT_DIGITS + 1) return -1;
  let at = byteAt(bytes, start) === MINUS ? start + 1 : start;
  const isBelowOne = byteAt(bytes, at) === ZERO;
  while (isDigit(byteAt(bytes, at))) at += 1;
  const point = at;
  if (byteAt(bytes, point) !== DOT || (isBelowOne && byteAt(bytes, point + 1) === ZERO)) return -1;
  at += 1;
  while (at < end && isDigit(byteAt(bytes, at))) at += 1;
  if (at < end) return -1;
  while (at > point + 2 && byteAt(bytes, at - 1) === ZERO) at -= 1;
  return at;
}
