/** Certificates: read strictly, alone or as a bundle; what they are pinned by; and a few facts about them. */
import { createHash, X509Certificate, type KeyObject } from 'node:crypto';
import { latin1FromBytes } from './bytes.js';
import { readElement, readWhole, type DerElement } from './der.js';
import { decodePem, splitPem, type PemFault } from './pem.js';

/** More than any client certificate that Envoy passes in a header; longer input is not looked at. */
const MAX_CERTIFICATE_CHARS = 262_144;

/** A leaf of 64 KiB in Envoy's percent-encoding is a mistake or an attack; TLS stacks refuse far smaller ones. */
export const MAX_ENCODED_CERTIFICATE_BYTES = 65_536;

/** How long a certificate is once Envoy has percent-encoded its PEM: five characters take three bytes. */
export function encodedCertificateBytes(pem: string): number {
  return pem.length + 2 * (pem.match(/[\n +/=]/g)?.length ?? 0);
}

/** Hashes and plain facts of a certificate, or that it was not exactly one. */
export type CertificateFacts =
  | {
      readonly ok: true;
      /** SHA-256 of the DER of the certificate, 64 lower-case hex digits: what Envoy and openssl print. */
      readonly certificateSha256: string;
      /** SHA-256 of the DER of its SubjectPublicKeyInfo (RFC 7469 §2.4, in hex): outlives a renewal with the same key. */
      readonly spkiSha256: string;
      readonly der: Uint8Array;
      /** First moment of validity, Unix milliseconds. */
      readonly notBefore: number;
      /** Last moment of validity, Unix milliseconds. */
      readonly notAfter: number;
      /** Subject on one line, `CN=…, O=…`, for people; never compare it. */
      readonly subject: string;
    }
  | { readonly ok: false };

const NOT_ONE_CERTIFICATE = { ok: false } as const;

/** 64 lower-case hex digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** No certificate is so short that its outer length fits in one byte, and no PEM begins with `0` and a byte over 0x80. */
function isDer(bytes: Uint8Array): boolean {
  return bytes[0] === 0x30 && (bytes[1] ?? 0) > 0x80;
}

function toDer(pemOrDer: string | Uint8Array): Uint8Array | undefined {
  if (pemOrDer.length > MAX_CERTIFICATE_CHARS) return undefined;
  if (typeof pemOrDer !== 'string' && isDer(pemOrDer)) return pemOrDer;
  const block = decodePem(typeof pemOrDer === 'string' ? pemOrDer : latin1FromBytes(pemOrDer));
  return block?.label === 'CERTIFICATE' ? block.bytes : undefined;
}

/** One certificate as OpenSSL reads it, leniently: PEM or DER. */
function parseX509(pemOrDer: string | Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(pemOrDer);
  } catch {
    return undefined;
  }
}

/** Node gives one attribute a line, and nothing at all for an empty subject. */
function oneLine(subject: string | undefined): string {
  return (subject ?? '').replaceAll('\n', ', ');
}

/**
 * Hashes a certificate as it is: X.509 v1 and certificates without a SAN are taken, as the field has them.
 * Exactly one certificate, PEM or DER; a chain, or a byte too many, is refused rather than guessed about.
 * Verified here: nothing. Who issued it, and whether it is valid now, is for the caller. Never throws.
 */
export function certificateFingerprints(pemOrDer: string | Uint8Array): CertificateFacts {
  const der = toDer(pemOrDer);
  const spki = der === undefined ? undefined : subjectPublicKeyInfoOf(der);
  if (der === undefined || spki === undefined) return NOT_ONE_CERTIFICATE;
  const certificate = parseX509(der);
  if (certificate?.raw.equals(der) !== true) return NOT_ONE_CERTIFICATE;
  const [notBefore, notAfter] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (Number.isNaN(notBefore) || Number.isNaN(notAfter)) return NOT_ONE_CERTIFICATE;
  return {
    ok: true,
    certificateSha256: sha256Hex(der),
    spkiSha256: sha256Hex(spki),
    der,
    notBefore,
    notAfter,
    subject: oneLine(certificate.subject),
  };
}

const HEX_DIGITS = /^[0-9a-fA-F]{64}$/;
const HEX_PAIRS = /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){31}$/;

/**
 * A SHA-256 fingerprint in the one form that we compare: 64 lower-case hex digits.
 * @param text 64 hex digits of either case, or 32 pairs joined by colons, as openssl prints them.
 * @returns `undefined` for anything else, blanks and prefixes included.
 */
export function normalizeFingerprint(text: string): string | undefined {
  if (HEX_DIGITS.test(text)) return text.toLowerCase();
  return HEX_PAIRS.test(text) ? text.replaceAll(':', '').toLowerCase() : undefined;
}

/* The part of X.509 (RFC 5280 §4.1) that is hashed byte for byte. */

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
function subjectPublicKeyInfoOf(der: Uint8Array): Uint8Array | undefined {
  const certificate = readWhole(der, SEQUENCE);
  if (certificate === undefined) return undefined;
  const tbs = readElement(der, certificate.contentStart, certificate.end);
  const spki = tbs?.tag === SEQUENCE ? findSpki(der, tbs) : undefined;
  return spki === undefined ? undefined : der.subarray(spki.start, spki.end);
}

/* Several certificates in one PEM text: a chain, or a bundle of CAs. Read whole, or not at all. */

/** What OpenSSL and BoringSSL take for a certificate. */
const LABELS: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);

/** Why a bundle is of no use; `line` is 1-based. */
export type BundleFault =
  | PemFault
  | { readonly code: 'der' }
  | { readonly code: 'no_certificate' }
  /** The block there has the label of a certificate, and holds none. */
  | { readonly code: 'not_a_certificate'; readonly line: number };

/** What is in a bundle, in the order of the file; at least one certificate. */
export interface CertificateBundle {
  readonly certificates: readonly X509Certificate[];
  /** Labels of the other blocks, such as `PRIVATE KEY`. */
  readonly otherLabels: readonly string[];
}

/** Reads every block of PEM. Verified here: nothing but that each is a certificate. Never throws. */
export function readCertificateBundle(bytes: Uint8Array): CertificateBundle | BundleFault {
  const parts = splitPem(latin1FromBytes(bytes));
  if ('code' in parts) return parts;
  const certificates: X509Certificate[] = [];
  const otherLabels: string[] = [];
  for (const { label, text, line } of parts) {
    // Held to strict base64 as well, for OpenSSL skips what it does not like.
    const isStrict = LABELS.has(label) && decodePem(text)?.bytes !== undefined;
    const certificate = isStrict ? parseX509(text) : undefined;
    if (certificate !== undefined) certificates.push(certificate);
    else if (LABELS.has(label)) return { code: 'not_a_certificate', line };
    else otherLabels.push(label);
  }
  if (certificates.length > 0) return { certificates, otherLabels };
  return { code: bytes[0] === 0x30 && parseX509(bytes) !== undefined ? 'der' : 'no_certificate' };
}

/** When the first of them ends, Unix milliseconds; each counts up to and including its last second. */
export function earliestEndMs(certificates: readonly X509Certificate[]): number {
  return Math.min(...certificates.map(endMs));
}

/** When a certificate ends, Unix milliseconds: the moment after its last second (RFC 5280, section 4.1.2.5). */
export function endMs({ validTo }: X509Certificate): number {
  return Date.parse(validTo) + 1000;
}

/** RFC 5280, section 4.2.1.12: `id-kp-clientAuth` and `anyExtendedKeyUsage`. */
const CLIENT_PURPOSES: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']);

/** Whether a client may show it, by its extended key usage, where it has one; so too what is no certificate. The first of a chain. */
export function isForClients(pemOrDer: Uint8Array): boolean {
  // Node gives the purposes under the name of another extension, and undefined where there are none.
  const purposes = parseX509(pemOrDer)?.keyUsage as readonly string[] | undefined;
  return purposes?.some((purpose) => CLIENT_PURPOSES.has(purpose)) ?? true;
}

/** Its public key; undefined for a kind that this build of OpenSSL does not know, for which Node throws. */
export function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

/** In words: `rsa`, `ec prime256v1`. */
export function kindOfKey(key: KeyObject | undefined): string {
  if (key === undefined) return 'unknown';
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  return [asymmetricKeyType, asymmetricKeyDetails?.namedCurve].filter((part) => part !== undefined).join(' ');
}
