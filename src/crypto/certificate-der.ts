/** Finds the parts of an X.509 certificate (RFC 5280 §4.1) that are hashed byte for byte. No Node built-in. */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const EXPLICIT_VERSION = 0xa0;

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/** Reads one element with a definite, minimal length of up to three bytes (DER, X.690 §10.1). */
function readElement(der: Uint8Array, start: number, limit: number): Element | undefined {
  const tag = der[start] ?? 0;
  const first = der[start + 1] ?? 0xff;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const contentStart = start + 2 + lengthBytes;
  if (first === 0x80 || lengthBytes > 3 || contentStart > limit) return undefined;
  const longLength = der.subarray(start + 2, contentStart).reduce((value, byte) => value * 256 + byte, 0);
  const length = lengthBytes === 0 ? first : longLength;
  const isMinimal = lengthBytes === 0 || length >= (lengthBytes === 1 ? 0x80 : 256 ** (lengthBytes - 1));
  const end = contentStart + length;
  return isMinimal && end <= limit ? { tag, start, contentStart, end } : undefined;
}

/** Skips serialNumber, signature, issuer, validity and subject, and the version that a v1 certificate lacks. */
function findSpki(der: Uint8Array, tbs: Element): Element | undefined {
  let next = readElement(der, tbs.contentStart, tbs.end);
  if (next?.tag === EXPLICIT_VERSION) next = readElement(der, next.end, tbs.end);
  for (const tag of [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE]) {
    if (next?.tag !== tag) return undefined;
    next = readElement(der, next.end, tbs.end);
  }
  return next?.tag === SEQUENCE ? next : undefined;
}

/**
 * The DER of the SubjectPublicKeyInfo as it stands in the certificate, a view of `der`.
 * Taken from the bytes, as a library that exports the key again may write it in another way, and cannot read every
 * algorithm. Checks only what leads there: the signature and the rest are not verified.
 * @returns `undefined` unless `der` is one element, without a byte after it, of the form of a certificate.
 */
export function subjectPublicKeyInfoOf(der: Uint8Array): Uint8Array | undefined {
  const certificate = readElement(der, 0, der.length);
  if (certificate?.tag !== SEQUENCE || certificate.end !== der.length) return undefined;
  const tbs = readElement(der, certificate.contentStart, certificate.end);
  const spki = tbs?.tag === SEQUENCE ? findSpki(der, tbs) : undefined;
  return spki === undefined ? undefined : der.subarray(spki.start, spki.end);
}
