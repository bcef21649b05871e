/** UTF-8 (RFC 3629), judged, read and written. */
import { byteAt } from './bytes.js';

/**
 * The index after the well-formed multi-byte UTF-8 sequence that starts at `at`, or -1 when it is malformed:
 * a stray continuation byte, an overlong form, a surrogate, a code point above U+10FFFF, a cut sequence.
 * Source: The Unicode Standard, table 3-7 (RFC 3629, section 4).
 */
export function utf8SequenceEnd(bytes: Uint8Array, at: number): number {
  const lead = byteAt(bytes, at);
  const second = byteAt(bytes, at + 1);
  if (lead >= 0xc2 && lead <= 0xdf) return isContinuation(second) ? at + 2 : -1;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!isSecondOfThree(lead, second)) return -1;
    return isContinuation(byteAt(bytes, at + 2)) ? at + 3 : -1;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!isSecondOfFour(lead, second)) return -1;
    return isContinuation(byteAt(bytes, at + 2)) && isContinuation(byteAt(bytes, at + 3)) ? at + 4 : -1;
  }
  return -1;
}

/** The length of a well-formed UTF-8 sequence, by its first byte. */
export function utf8Length(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** The code point of the well-formed UTF-8 sequence at `at`. */
export function readCodePoint(bytes: Uint8Array, at: number): number {
  const lead = byteAt(bytes, at);
  if (lead < 0x80) return lead;
  const second = byteAt(bytes, at + 1) & 0x3f;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | second;
  const third = byteAt(bytes, at + 2) & 0x3f;
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | (second << 6) | third;
  return ((lead & 0x07) << 18) | (second << 12) | (third << 6) | (byteAt(bytes, at + 3) & 0x3f);
}

/**
 * Writes one code point as UTF-8 and returns the index after it. A lone surrogate is written in three bytes like any
 * other code point ("WTF-8"): valid UTF-8 never holds those bytes, so distinct strings stay distinct, and the order
 * of the bytes is the order of the code points. At most four bytes are written; the caller has made room.
 */
export function writeCodePoint(target: Uint8Array, to: number, codePoint: number): number {
  let next = to;
  if (codePoint < 0x80) {
    target[next++] = codePoint;
    return next;
  }
  if (codePoint < 0x800) {
    target[next++] = 0xc0 | (codePoint >> 6);
  } else {
    if (codePoint < 0x10000) {
      target[next++] = 0xe0 | (codePoint >> 12);
    } else {
      target[next++] = 0xf0 | (codePoint >> 18);
      target[next++] = 0x80 | ((codePoint >> 12) & 0x3f);
    }
    target[next++] = 0x80 | ((codePoint >> 6) & 0x3f);
  }
  target[next++] = 0x80 | (codePoint & 0x3f);
  return next;
}

/** A string as the UTF-8 of `writeCodePoint`, which, unlike `TextEncoder`'s, keeps lone surrogates apart. */
export function encodeName(text: string): Uint8Array {
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  for (const character of text) length = writeCodePoint(bytes, length, character.codePointAt(0) ?? 0);
  return bytes.slice(0, length);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function isSecondOfThree(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0 && second <= 0xbf;
  if (lead === 0xed) return second >= 0x80 && second <= 0x9f;
  return isContinuation(second);
}

function isSecondOfFour(lead: number, second: number): boolean {
  if (lead === 0xf0) return second >= 0x90 && second <= 0xbf;
  if (lead === 0xf4) return second >= 0x80 && second <= 0x8f;
  return isContinuation(second);
}
