/** Fingerprints of peer certificates, computed by us from what Envoy saw, and remembered by content. */
import { createHash } from 'node:crypto';
import NodeCache from 'node-cache';
import { certificateFingerprints } from '../crypto/fingerprint.js';
import type { PeerCertificate } from '../verify/inbound-request.js';

const REMEMBERED_SECONDS = 300;
const MAX_REMEMBERED = 4096;
/** A leaf of 64 KiB is a mistake or an attack; TLS stacks refuse far smaller ones. */
const MAX_CERTIFICATE_BYTES = 65_536;

/** Turns `source.certificate` (percent-encoded PEM) into fingerprints; parses each certificate once. */
export class PeerCertificates {
  readonly #cache = new NodeCache({ stdTTL: REMEMBERED_SECONDS, maxKeys: MAX_REMEMBERED, useClones: false });

  read(percentEncodedPem: Uint8Array): PeerCertificate | 'missing' | 'malformed' {
    if (percentEncodedPem.length === 0) return 'missing';
    if (percentEncodedPem.length > MAX_CERTIFICATE_BYTES) return 'malformed';
    const key = createHash('sha256').update(percentEncodedPem).digest('hex');
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

function parse(percentEncodedPem: Uint8Array): PeerCertificate | 'malformed' {
  let pem: string;
  try {
    pem = decodeURIComponent(Buffer.from(percentEncodedPem).toString('latin1'));
  } catch {
    return 'malformed';
  }
  const found = certificateFingerprints(pem);
  return found.ok
    ? { certificateSha256: found.certificateSha256, spkiSha256: found.spkiSha256 }
    : 'malformed';
}
