/** Several certificates in one PEM text: a chain, or a bundle of CAs. Read whole, or not at all. */
import { X509Certificate, type KeyObject } from 'node:crypto';
import { latin1FromBytes } from './bytes.js';
import { decodePem, splitPem, type PemFault } from './pem.js';

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
    const certificate = LABELS.has(label) ? parse(text) : undefined;
    if (certificate !== undefined) certificates.push(certificate);
    else if (LABELS.has(label)) return { code: 'not_a_certificate', line };
    else otherLabels.push(label);
  }
  if (certificates.length > 0) return { certificates, otherLabels };
  return { code: isDerCertificate(bytes) ? 'der' : 'no_certificate' };
}

/** The base64 is held to the strict form, as OpenSSL skips what it does not like. */
function parse(text: string): X509Certificate | undefined {
  if (decodePem(text)?.bytes === undefined) return undefined;
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

function isDerCertificate(bytes: Uint8Array): boolean {
  try {
    return bytes[0] === 0x30 && new X509Certificate(bytes).raw.length > 0;
  } catch {
    return false;
  }
}

/** When the first of them ends, Unix milliseconds; each counts up to and including its last second. */
export function earliestEndMs(certificates: readonly X509Certificate[]): number {
  return Math.min(...certificates.map(endMs));
}

/** When a certificate ends, Unix milliseconds: the moment after its last second (RFC 5280, section 4.1.2.5). */
export function endMs({ validTo }: X509Certificate): number {
  return Date.parse(validTo) + 1000;
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
