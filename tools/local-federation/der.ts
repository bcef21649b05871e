/** The few values of DER (ITU-T X.690) that a certificate is written in. Writing only; nothing is parsed here. */

const LONG_FORM = 0x80;

function length(bytes: number): Buffer {
  if (bytes < LONG_FORM) return Buffer.of(bytes);
  const digits = Buffer.from(bytes.toString(16).padStart(bytes > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.of(LONG_FORM | digits.length), digits]);
}

/** One element: tag, length (up to 65,535 bytes), content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag), length(body.length), body]);
}

/** SEQUENCE. */
export const sequence = (...content: readonly Uint8Array[]): Buffer => element(0x30, ...content);
/** SET of one element, as names have them. */
export const setOf = (content: Uint8Array): Buffer => element(0x31, content);
/** OCTET STRING. */
export const octetString = (content: Uint8Array): Buffer => element(0x04, content);
/** UTF8String. */
export const utf8String = (text: string): Buffer => element(0x0c, Buffer.from(text));
/** BOOLEAN TRUE; FALSE is the default wherever it could stand, and so is left out. */
export const booleanTrue = (): Buffer => element(0x01, Buffer.of(0xff));
/** `[number] EXPLICIT`. */
export const explicit = (number: number, content: Uint8Array): Buffer => element(0xa0 | number, content);

/** BIT STRING; `unusedBits` are the low bits of the last byte that do not count. */
export const bitString = (content: Uint8Array, unusedBits = 0): Buffer =>
  element(0x03, Buffer.of(unusedBits), content);

/** A non-negative INTEGER from its big-endian bytes. */
export function unsignedInteger(bytes: Uint8Array): Buffer {
  const [first = 0] = bytes;
  return element(0x02, first < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]));
}

function base128(part: number): number[] {
  const digits = [part & 0x7f];
  for (let rest = part >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

/** OBJECT IDENTIFIER from its dotted text. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A time as RFC 5280 §4.1.2.5 wants it: UTCTime before 2050, GeneralizedTime from then on. */
export function time(moment: Date): Buffer {
  const digits = moment.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return moment.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : element(0x18, Buffer.from(`${digits}Z`));
}
