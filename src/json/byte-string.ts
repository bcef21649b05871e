/**
 * The bytes of a range as a string of one character each (ISO 8859-1): for ASCII its text, for anything else a key
 * that is equal exactly when the bytes are. Made for short ranges, where a decoder's fixed cost would dominate.
 */
export function byteString(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let at = start;
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0);
  }
  for (; at < end; at += 1) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}
