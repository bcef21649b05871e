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
