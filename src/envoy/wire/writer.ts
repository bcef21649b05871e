/**
 * Protocol Buffers' wire format, written field by field. A message is built as a string of one character a byte
 * and turned into bytes once: joining short strings is several times cheaper than a writer's list of operations.
 */

/** A length-delimited field; every field number that we write is under 16, so a tag is one byte. */
export function field(number: number, content: string): string {
  return fieldHead(number, content.length) + content;
}

/** Tag and length of a field whose content of so many bytes is written elsewhere. */
export function fieldHead(number: number, contentBytes: number): string {
  return String.fromCharCode((number << 3) | 2) + varint(contentBytes);
}

/** A varint field of a small non-negative integer. */
export function integer(number: number, value: number): string {
  return String.fromCharCode(number << 3) + varint(value);
}

/** ASCII is its own UTF-8; anything else is encoded first. */
const ASCII = /^[\x00-\x7f]*$/;

/** The UTF-8 of a text, one character a byte. */
export function text(value: string): string {
  return ASCII.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1');
}

/** The finished message. */
export function bytes(message: string): Buffer {
  return Buffer.from(message, 'latin1');
}

function varint(value: number): string {
  let rest = value;
  let encoded = '';
  for (; rest > 0x7f; rest >>>= 7) encoded += String.fromCharCode((rest & 0x7f) | 0x80);
  return encoded + String.fromCharCode(rest);
}
