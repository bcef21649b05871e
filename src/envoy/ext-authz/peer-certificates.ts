/** Fingerprints of peer certificates, computed by us from what Envoy saw, and remembered by content. */
import { hash } from 'node:crypto';
import NodeCache from 'node-cache';
import { certificateFingerprints, MAX_ENCODED_CERTIFICATE_BYTES } from '../../crypto/certificate.js';
import type { PeerCertificate } from '../../verify/inbound-request.js';

const REMEMBERED_SECONDS = 300;
const MAX_REMEMBERED = 4096;
/** Compared byte for byte before anything is hashed: most traffic comes from a handful of peers. */
const RECENT = 8;

/** Turns `source.certificate` (percent-encoded PEM) into fingerprints; parses each certificate once. */
export class PeerCertificates {
  readonly #cache = new NodeCache({ stdTTL: REMEMBERED_SECONDS, maxKeys: MAX_REMEMBERED, useClones: false });

  /** In a ring: the next one overwrites the oldest. */
  readonly #recent: { readonly bytes: Buffer; readonly certificate: PeerCertificate }[] = [];
  #nextRecent = 0;

  read(percentEncodedPem: Buffer): PeerCertificate | 'missing' | 'malformed' {
    if (percentEncodedPem.length === 0) return 'missing';
    if (percentEncodedPem.length > MAX_ENCODED_CERTIFICATE_BYTES) return 'malformed';
    const recent = this.#recent.find(({ bytes }) => bytes.equals(percentEncodedPem));
    if (recent !== undefined) return recent.certificate;
    const certificate = this.#lookUp(percentEncodedPem);
    if (certificate === 'malformed') return certificate;
    this.#recent[this.#nextRecent++ % RECENT] = { bytes: Buffer.from(percentEncodedPem), certificate };
    return certificate;
  }

  #lookUp(percentEncodedPem: Buffer): PeerCertificate | 'malformed' {
    const key = hash('sha256', percentEncodedPem, 'hex');
    const known = this.#cache.get<PeerCertificate>(key);
    if (known !== undefined) return known;
    const parsed = parse(percentEncodedPem);
    if (parsed !== 'malformed') this.#remember(key, parsed);
    return parsed;
  }

  /** The cache throws when it is full; then it starts afresh, since every entry can be computed again. */
  #remember(key: string, certificate: PeerCertificate): void {
    if (this.#cache.keys().length >= MAX_REMEMBERED) this.#cache.flushAll();
    this.#cache.set(key, certificate);
  }

  close(): void {
    this.#cache.close();
  }
}

function parse(percentEncodedPem: Buffer): PeerCertificate | 'malformed' {
  let pem: string;
  try {
    pem = decodeURIComponent(percentEncodedPem.toString('latin1'));
  } catch {
    return 'malformed';
  }
  const found = certificateFingerprints(pem);
  return found.ok
    ? { certificateSha256: found.certificateSha256, spkiSha256: found.spkiSha256 }
    : 'malformed';
}
