/** Certificates that bear names, good ones and those that nobody ought to issue, written with the library as it is. */
import type { Extension } from '@peculiar/x509';
import { newCertificateKeys, type CertificateKeys } from '../../src/pki/issue-certificate.js';

// It demands the polyfill before it, and imports that are not awaited come in no order.
await import('reflect-metadata');
/** The library, for extensions of one's own. */
export const x509 = await import('@peculiar/x509');

const HOUR_MILLISECONDS = 3_600_000;

/** What is written; whatever is left out is as a good certificate of a client has it. */
export interface NamedCertificate {
  readonly keys?: CertificateKeys;
  readonly subject?: string;
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** In place of key usage and purpose. */
  readonly extensions?: readonly Extension[];
  readonly hash?: 'SHA-1' | 'SHA-256';
}

/** An authority of a test: its keys, and the name that it issues under. */
export interface TestAuthority {
  readonly subject: string;
  readonly keys: CertificateKeys;
  /** PEM, self-signed. */
  readonly certificate: string;
}

const authorityExtensions = (): Extension[] => [
  new x509.BasicConstraintsExtension(true, undefined, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
];

const clientExtensions = (): Extension[] => [
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth], false),
];

/** A self-signed authority; `change` makes it a bad one. */
export async function testAuthority(subject: string, change: NamedCertificate = {}): Promise<TestAuthority> {
  const keys = change.keys ?? newCertificateKeys();
  const certificate = await namedCertificate(
    { subject, extensions: authorityExtensions(), ...change, keys },
    { subject, keys },
  );
  return { subject, keys, certificate };
}

/** PEM. */
export async function namedCertificate(
  certificate: NamedCertificate,
  issuer: Pick<TestAuthority, 'subject' | 'keys'>,
): Promise<string> {
  const { keys = newCertificateKeys(), subject = 'a client', uris = [], dnsNames = [] } = certificate;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: certificate.hash ?? 'SHA-256' } as const;
  const pkcs8 = issuer.keys.privateKey.export({ type: 'pkcs8', format: 'der' });
  const names = [
    ...uris.map((value) => ({ type: 'url', value }) as const),
    ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
  ];
  const written = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [subject] }],
    issuer: [{ CN: [issuer.subject] }],
    notBefore: new Date(certificate.notBeforeMs ?? Date.now() - HOUR_MILLISECONDS),
    notAfter: new Date(certificate.notAfterMs ?? Date.now() + HOUR_MILLISECONDS),
    publicKey: keys.publicKey.export({ type: 'spki', format: 'der' }),
    signingKey: await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [
      ...(certificate.extensions ?? clientExtensions()),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names, false)] : []),
    ],
  });
  return `${written.toString('pem')}\n`;
}
