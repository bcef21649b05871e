import { floatValue } from '../json/numbers.js';
import { DOT, MINUS, ZERO, byteAt, isDigit } from '../json/bytes.js';

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
