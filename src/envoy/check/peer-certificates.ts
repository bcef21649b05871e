/** Fingerprints of peer certificates, computed by us from what Envoy saw, and remembered by content. */
import NodeCache from 'node-cache';
import { LeafCertificate } from '../../crypto/authority.js';
import { certificateFingerprints, MAX_ENCODED_CERTIFICATE_BYTES } from '../../crypto/certificate.js';
import { unpooledCopy } from '../../crypto/unpooled-copy.js';
import type { PeerCertificate } from '../../verify/inbound-request.js';

const REMEMBERED_SECONDS = 300;
const MAX_REMEMBERED = 4096;
/** The end of the issuer's signature, which differs from certificate to certificate, and the last line of the PEM. */
const KEY_BYTES = 128;

interface Remembered {
  readonly bytes: Buffer;
  readonly certificate: PeerCertificate;
}

/** Turns `source.certificate` (percent-encoded PEM) into fingerprints; parses each certificate once. */
export class PeerCertificates {
  readonly #cache = new NodeCache({ stdTTL: REMEMBERED_SECONDS, maxKeys: MAX_REMEMBERED, useClones: false });

  /** Looked up by its end and then compared byte for byte, which takes a third of the time of a hash. */
  read(percentEncodedPem: Buffer): PeerCertificate | 'missing' | 'malformed' {
    const { length } = percentEncodedPem;
    if (length === 0) return 'missing';
    if (length > MAX_ENCODED_CERTIFICATE_BYTES) return 'malformed';
    const key = percentEncodedPem.toString('latin1', Math.max(0, length - KEY_BYTES));
    const known = this.#cache.get<Remembered>(key);
    if (known?.bytes.equals(percentEncodedPem) === true) return known.certificate;
    const parsed = parse(percentEncodedPem);
    if (parsed !== 'malformed')
      this.#remember(key, { bytes: unpooledCopy(percentEncodedPem), certificate: parsed });
    return parsed;
  }

  /** The cache throws when it is full; then it starts afresh, since every entry can be computed again. */
  #remember(key: string, remembered: Remembered): void {
    if (this.#cache.keys().length >= MAX_REMEMBERED) this.#cache.flushAll();
    this.#cache.set(key, remembered);
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
  if (!found.ok) return 'malformed';
  const { certificateSha256, spkiSha256, der } = found;
  return { certificateSha256, spkiSha256, leaf: new LeafCertificate(der) };
}
