/** Numbers (RFC 8259, section 6), judged in time linear in their length. */
import { byteAt, byteString, DOT, isDigit, LOWER_E, MINUS, PLUS, UPPER_E, ZERO } from './bytes.js';
import { type Cursor, MAX_INTEGER_DIGITS } from './faults.js';

/** What `readNumber` found. */
export const NUMBER_FAULT = -1;
/** No fraction and no exponent. */
export const NUMBER_INTEGER = 0;
/** A fraction, an exponent, or both. */
const NUMBER_FLOAT = 1;

/** A number below ten to this power is finite: the greatest double is about 1.8e308. */
const SURELY_FINITE_POWER = 308;

/** Stands for every exponent too large to be summed up exactly; far over `SURELY_FINITE_POWER`. */
const HUGE_EXPONENT = 1_000_000;

/**
 * Reads a number from its first byte (a digit or a minus) on and leaves the cursor after it.
 * Returns one of `NUMBER_…`; on a fault it is noted. Source: RFC 8259, section 6. Beyond it, a float that overflows to
 * infinity and an integer of more than 4,300 digits are refused.
 */
export function readNumber(cursor: Cursor): number {
  const { bytes, at: start } = cursor;
  const digits = byteAt(bytes, start) === MINUS ? start + 1 : start;
  const integerEnd = skipDigits(bytes, digits);
  if (integerEnd === digits) return refuse(cursor, integerEnd);
  if (byteAt(bytes, digits) === ZERO && integerEnd > digits + 1) return refuse(cursor, digits);
  const next = byteAt(bytes, integerEnd);
  if (next !== DOT && next !== LOWER_E && next !== UPPER_E) return endInteger(cursor, digits, integerEnd);
  return readFloat(cursor, start, integerEnd);
}

function endInteger(cursor: Cursor, digits: number, end: number): number {
  if (end - digits > MAX_INTEGER_DIGITS) {
    cursor.fail('integer_too_long', cursor.at);
    return NUMBER_FAULT;
  }
  cursor.at = end;
  return NUMBER_INTEGER;
}

function readFloat(cursor: Cursor, start: number, integerEnd: number): number {
  const { bytes } = cursor;
  let at = integerEnd;
  if (byteAt(bytes, at) === DOT) {
    at = skipDigits(bytes, integerEnd + 1);
    if (at === integerEnd + 1) return refuse(cursor, at);
  }
  let exponent = 0;
  if (byteAt(bytes, at) === LOWER_E || byteAt(bytes, at) === UPPER_E) {
    const sign = byteAt(bytes, at + 1);
    const first = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    at = skipDigits(bytes, first);
    if (at === first) return refuse(cursor, at);
    exponent = sign === MINUS ? 0 : decimalValue(bytes, first, at);
  }
  const surelyFinite = integerEnd - start + exponent <= SURELY_FINITE_POWER;
  if (!surelyFinite && !Number.isFinite(floatValue(bytes, start, at))) {
    cursor.fail('float_overflow', start);
    return NUMBER_FAULT;
  }
  cursor.at = at;
  return NUMBER_FLOAT;
}

/** The double nearest to a number lexeme; infinite when it overflows. Linear in the lexeme, however long. */
export function floatValue(bytes: Uint8Array, start: number, end: number): number {
  return Number(byteString(bytes, start, end));
}

/** The value of a run of digits, `HUGE_EXPONENT` at most. */
function decimalValue(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end && value < HUGE_EXPONENT; at += 1)
    value = value * 10 + byteAt(bytes, at) - ZERO;
  return Math.min(value, HUGE_EXPONENT);
}

function refuse(cursor: Cursor, offset: number): number {
  cursor.failUnlessEnd('invalid_number', offset);
  return NUMBER_FAULT;
}

function skipDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(byteAt(bytes, at))) at += 1;
  return at;
}
