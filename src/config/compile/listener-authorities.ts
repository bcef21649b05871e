/** The CAs whose client certificates the listener takes. */
import type { X509Certificate } from 'node:crypto';

/** Knows them by name, so that a look does not grow with the bundle. */
export class ListenerAuthorities {
  readonly #bySubject = new Map<string, X509Certificate[]>();

  constructor(certificates: readonly X509Certificate[]) {
    for (const certificate of certificates)
      this.#bySubject.set(certificate.subject, [
        ...(this.#bySubject.get(certificate.subject) ?? []),
        certificate,
      ]);
  }

  /**
   * Whether one of them issued this certificate, or is it: Envoy takes a partial chain. What an intermediate
   * certificate issued that the caller sends along is not known here.
   */
  know(certificate: X509Certificate): boolean {
    const issuers = this.#bySubject.get(certificate.issuer) ?? [];
    const same = this.#bySubject.get(certificate.subject) ?? [];
    return (
      issuers.some((issuer) => issued(issuer, certificate)) ||
      same.some(({ raw }) => raw.equals(certificate.raw))
    );
  }
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A key that this build of OpenSSL does not know is Envoy's to judge.
    return true;
  }
}
