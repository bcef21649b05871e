/** Finds the parts of an X.509 certificate (RFC 5280 §4.1) that are hashed byte for byte. No Node built-in. */
import { readElement, readWhole, type DerElement } from './der-element.js';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const EXPLICIT_VERSION = 0xa0;

/** Skips serialNumber, signature, issuer, validity and subject, and the version that a v1 certificate lacks. */
function findSpki(der: Uint8Array, tbs: DerElement): DerElement | undefined {
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
  const certificate = readWhole(der, SEQUENCE);
  if (certificate === undefined) return undefined;
  const tbs = readElement(der, certificate.contentStart, certificate.end);
  const spki = tbs?.tag === SEQUENCE ? findSpki(der, tbs) : undefined;
  return spki === undefined ? undefined : der.subarray(spki.start, spki.end);
}
