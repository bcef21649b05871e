/**
 * Byte helpers that run anywhere: no Node built-in and no Buffer, so that the client and a browser share them.
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
