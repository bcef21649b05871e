/** A certificate anew, for whom the old one is: same names, same use, same CA, another validity. For those that `countersign pki init` makes. */
import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { X509Certificate as Certificate } from 'node:crypto';
import { issueCertificate, type CertificateRequest } from './issue-certificate.js';

/** A certificate with its own key. */
export interface KeyedCertificate {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** It is none that can be renewed here; the message is a sentence without subject. */
export class NotRenewable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotRenewable';
  }
}

/** Extended key usages (RFC 5280, section 4.2.1.12). */
const ROLES: ReadonlyMap<string, CertificateRequest['role']> = new Map([
  ['1.3.6.1.5.5.7.3.1', 'server'],
  ['1.3.6.1.5.5.7.3.2', 'client'],
]);

/**
 * The new certificate, PEM. Rejects with `NotRenewable` where the authority did not issue the old one, where a key is another
 * one's, and where anything of the old one could not be said again.
 * @param publicKey of the new certificate: the old one's, or a new one.
 */
export async function renewCertificate(
  authority: KeyedCertificate,
  old: KeyedCertificate,
  next: Pick<CertificateRequest, 'publicKey' | 'notBefore' | 'notAfter'>,
): Promise<string> {
  requireIssued(authority, old);
  const pem = await issueCertificate(
    { ...next, ...namesOf(old.certificate) },
    {
      commonName: commonNameOf(authority.certificate),
      keys: { privateKey: authority.privateKey, publicKey: createPublicKey(authority.privateKey) },
    },
  );
  requireAlike(new Certificate(pem), old.certificate);
  return pem;
}

function requireIssued(authority: KeyedCertificate, old: KeyedCertificate): void {
  if (!authority.certificate.checkPrivateKey(authority.privateKey))
    throw new NotRenewable('cannot be renewed: ca.key is not the key of ca.crt');
  if (authority.privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new NotRenewable('cannot be renewed: the key of the CA is none of ECDSA P-256');
  if (!old.certificate.checkPrivateKey(old.privateKey))
    throw new NotRenewable('and the key beside it do not belong together');
  const isIssued =
    old.certificate.checkIssued(authority.certificate) &&
    old.certificate.verify(authority.certificate.publicKey);
  if (!isIssued) throw new NotRenewable('was not issued by the CA of this directory');
}

function namesOf(
  certificate: X509Certificate,
): Pick<CertificateRequest, 'commonName' | 'role' | 'names' | 'uris'> {
  const all = certificate.subjectAltName?.split(', ') ?? [];
  const after = (prefix: string): string[] =>
    all.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const names = all.flatMap((name) => /^(?:DNS|IP Address):(.*)$/s.exec(name)?.[1] ?? []);
  const [usage = '', another] = (certificate.keyUsage as readonly string[] | undefined) ?? [];
  const role = ROLES.get(usage);
  if (role === undefined || another !== undefined)
    throw new NotRenewable('is neither for a server alone nor for a client alone');
  return { commonName: commonNameOf(certificate), role, names, uris: after('URI:') };
}

function commonNameOf({ subject }: X509Certificate): string {
  const name = /^CN=([^\n\\"]{1,64})$/.exec(subject)?.[1];
  if (name === undefined) throw new NotRenewable('has a subject that is more than a common name');
  return name;
}

/** What could not be read back out of the old one would be missing in the new one. */
function requireAlike(renewed: X509Certificate, old: X509Certificate): void {
  const of = ({ subject, subjectAltName, issuer, keyUsage, ca }: X509Certificate): string =>
    JSON.stringify([subject, subjectAltName, issuer, keyUsage, ca]);
  if (of(renewed) !== of(old)) throw new NotRenewable('holds something that a renewal here would not hold');
}
