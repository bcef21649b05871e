/**
 * Why a text is refused as JSON: the faults, the limits behind some of them, the place where the first one was met, and
 * what a byte is called that the grammar does not allow.
 */
import { byteAt } from './bytes.js';
import { utf8SequenceEnd } from './utf8.js';

/**
 * Why a text was refused as JSON: a closed union, for audit records and metric labels.
 *
 * Everything that RFC 8259 forbids is here, and so is what it leaves open and where two readers may differ:
 * `duplicate_member`, `too_deep`, `float_overflow` and `integer_too_long`.
 */
export type JsonFault =
  | 'empty'
  | 'byte_order_mark'
  | 'invalid_utf8'
  | 'control_character'
  | 'invalid_escape'
  | 'invalid_literal'
  | 'invalid_number'
  | 'float_overflow'
  | 'integer_too_long'
  | 'unexpected_byte'
  | 'unexpected_end'
  | 'trailing_comma'
  | 'trailing_bytes'
  | 'duplicate_member'
  | 'too_deep';

/**
 * Deepest nesting that is accepted: the outermost array or object is level 1, level 64 passes, level 65 is refused.
 * Python's reader gives up near 1,000 and others near 512; 64 is far below every reader behind us.
 */
export const MAX_DEPTH = 64;

/** Digits of the longest accepted integer: where CPython's `int()` gives up (`sys.int_info.default_max_str_digits`). */
export const MAX_INTEGER_DIGITS = 4300;

/** A place in a JSON text, and the first fault met there. Shared by the readers of strings, numbers and structure. */
export class Cursor {
  bytes: Uint8Array;
  /** Index of the next unread byte. */
  at = 0;
  fault: JsonFault | undefined = undefined;
  /** Byte offset of `fault`. */
  faultOffset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Goes to the beginning of another text. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.fault = undefined;
    this.faultOffset = 0;
  }

  /** Notes a fault; always false, so that a reader can return it. */
  fail(fault: JsonFault, offset: number): false {
    this.fault = fault;
    this.faultOffset = offset;
    return false;
  }

  /** Notes a fault that stands for the end of the text when the offset is there. */
  failUnlessEnd(fault: JsonFault, offset: number): false {
    return this.fail(offset >= this.bytes.length ? 'unexpected_end' : fault, offset);
  }
}

/** Names the fault of a byte that the grammar does not allow at `at`. */
export function byteFault(bytes: Uint8Array, at: number): JsonFault {
  if (at >= bytes.length) return 'unexpected_end';
  return byteAt(bytes, at) >= 0x80 && utf8SequenceEnd(bytes, at) < 0 ? 'invalid_utf8' : 'unexpected_byte';
}

/** Names the fault of a text at `at`, where a value should begin: `NaN`, `Infinity`, `True` are literals of others. */
export function valueFault(bytes: Uint8Array, at: number): JsonFault {
  return isLetter(byteAt(bytes, at)) ? 'invalid_literal' : byteFault(bytes, at);
}

/** Names the fault of a document that has no value at `at`, its first byte that is not white space. */
export function documentFault(bytes: Uint8Array, at: number): JsonFault {
  if (at >= bytes.length) return 'empty';
  const startsWithMark =
    at === 0 && byteAt(bytes, 0) === 0xef && byteAt(bytes, 1) === 0xbb && byteAt(bytes, 2) === 0xbf;
  return startsWithMark ? 'byte_order_mark' : valueFault(bytes, at);
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
