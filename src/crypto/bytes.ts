/**
 * Bytes, and the texts that stand for them: hex, Latin-1 and base64. Runs anywhere: no Node built-in and no Buffer, so
 * that the client and a browser share them.
 */

/** Whether two byte strings are equal. Not constant-time: only for values that are public. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The parts one after the other, in memory of their own (never a shared pool, so that it can be wiped). */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Bytes from hex digits of either case. For constants of our own: throws on anything else. */
export function bytesFromHex(hex: string): Uint8Array {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(hex)) throw new TypeError('not an even number of hex digits');
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number(`0x${pair}`));
}

/** Lower-case hex digits, two a byte. */
export function hexFromBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Bytes of a text whose characters are all below 0x100, one byte each; `undefined` for any other text. */
export function bytesFromLatin1(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

/** One character a byte, the inverse of {@link bytesFromLatin1}. Meant for short inputs such as key files. */
export function latin1FromBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/*
 * Base64 (RFC 4648 §4 and §5) with exactly one accepted text for each byte string. A lenient decoder lets one signature
 * be written in many ways, which defeats anything keyed by the text. So: padding where the alphabet has it and none
 * where not, no white space, and unused bits of zero (§3.5).
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const INVALID = 64;
const PADDING = 0x3d;

const VALUE_OF_CODE = new Uint8Array(128).fill(INVALID);
for (let i = 0; i < ALPHABET.length; i++) VALUE_OF_CODE[ALPHABET.charCodeAt(i)] = i;

/** The six bits behind a character; `INVALID` (bit 6 set) for every other character, astral ones included. */
function sextet(text: string, index: number): number {
  return VALUE_OF_CODE[text.charCodeAt(index)] ?? INVALID;
}

function paddingLength(text: string): number {
  if (text.charCodeAt(text.length - 1) !== PADDING) return 0;
  return text.charCodeAt(text.length - 2) === PADDING ? 2 : 1;
}

/** Whether the last quantum is legal and leaves no bit behind; writes its one or two bytes. */
function decodeTail(text: string, padding: number, bytes: Uint8Array): boolean {
  const start = text.length - 4;
  const a = sextet(text, start);
  const b = sextet(text, start + 1);
  const c = padding === 2 ? 0 : sextet(text, start + 2);
  const unusedBits = padding === 2 ? b & 0x0f : c & 0x03;
  if (((a | b | c) & INVALID) !== 0 || unusedBits !== 0) return false;
  const end = bytes.length;
  if (padding === 2) {
    bytes[end - 1] = (a << 2) | (b >> 4);
  } else {
    bytes[end - 2] = (a << 2) | (b >> 4);
    bytes[end - 1] = (b << 4) | (c >> 2);
  }
  return true;
}

/**
 * Decodes standard base64 that re-encodes to itself.
 * @returns the bytes in memory of their own, or `undefined` for any other text.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.length === 0 ? 0 : paddingLength(text);
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const wholeQuanta = text.length - (padding === 0 ? 0 : 4);
  let offset = 0;
  let seen = 0;
  for (let i = 0; i < wholeQuanta; i += 4) {
    const a = sextet(text, i);
    const b = sextet(text, i + 1);
    const c = sextet(text, i + 2);
    const d = sextet(text, i + 3);
    seen |= a | b | c | d;
    bytes[offset++] = (a << 2) | (b >> 4);
    bytes[offset++] = (b << 4) | (c >> 2);
    bytes[offset++] = (c << 6) | d;
  }
  if ((seen & INVALID) !== 0) return undefined;
  return padding === 0 || decodeTail(text, padding, bytes) ? bytes : undefined;
}

/**
 * Decodes a header value of a known size, before anything else is known about the caller.
 * The length is judged first, so that a long text costs nothing.
 * @param byteLength how many bytes the text must hold, exactly (64 for a signature).
 */
export function decodeCanonicalBase64(text: string, byteLength: number): Uint8Array | undefined {
  if (text.length !== Math.ceil(byteLength / 3) * 4) return undefined;
  const bytes = decodeBase64(text);
  return bytes?.length === byteLength ? bytes : undefined;
}

/** Standard base64 with padding (RFC 4648 §4), on one line. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const quantum = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET.charAt(quantum >> 18) + ALPHABET.charAt((quantum >> 12) & 63);
    text += i + 1 < bytes.length ? ALPHABET.charAt((quantum >> 6) & 63) : '=';
    text += i + 2 < bytes.length ? ALPHABET.charAt(quantum & 63) : '=';
  }
  return text;
}

/** Decodes URL-safe base64 without padding (RFC 4648 §5, as JWK has it) that re-encodes to itself. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  if (/[+/=]/.test(text)) return undefined;
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  return decodeBase64(standard + '='.repeat((4 - (standard.length % 4)) % 4));
}

/** URL-safe base64 without padding (RFC 4648 §5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
