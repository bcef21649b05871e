/** What a certificate is pinned by, and the texts in which people write a pin. */
import { createHash, X509Certificate } from 'node:crypto';
import { latin1FromBytes } from './bytes.js';
import { subjectPublicKeyInfoOf } from './certificate-der.js';
import { decodePem } from './pem.js';

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
      /** First moment of validity, Unix milliseconds. */
      readonly notBefore: number;
      /** Last moment of validity, Unix milliseconds. */
      readonly notAfter: number;
      /** Subject on one line, `CN=…, O=…`, for people; never compare it. */
      readonly subject: string;
    }
  | { readonly ok: false };

const NOT_ONE_CERTIFICATE = { ok: false } as const;

function sha256Hex(bytes: Uint8Array): string {
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

function parseX509(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
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
