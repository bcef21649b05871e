import { byteAt } from './bytes.js';
import type { JsonFault } from './faults.js';
import { utf8SequenceEnd } from './utf8.js';

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
