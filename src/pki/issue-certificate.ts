/**
 * X.509 certificates (RFC 5280) with keys of ECDSA P-256, which Envoy takes from servers and clients. The library that
 * writes them is an optional dependency: it is loaded when the first certificate is issued.
 */
import { generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import type { Extension } from '@peculiar/x509';

/** A P-256 key pair. */
export interface CertificateKeys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Who signs: its name and its keys. A self-signed authority issues itself. */
export interface Issuer {
  readonly commonName: string;
  readonly keys: CertificateKeys;
}

/** What is to be issued. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly role: 'authority' | 'server' | 'client';
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DNS names and IP addresses, for the subject alternative name. Default: none. */
  readonly names?: readonly string[];
  /** URIs beside them, a SPIFFE ID for instance. Default: none. */
  readonly uris?: readonly string[];
  /** How many authorities may stand below an authority. Default: any number. */
  readonly pathLength?: number;
}

/** The packages that write certificates are not installed. */
export class CertificateLibraryMissing extends Error {
  constructor(options: ErrorOptions) {
    super(
      'the packages that make certificates, @peculiar/x509 and reflect-metadata, are not installed',
      options,
    );
    this.name = 'CertificateLibraryMissing';
  }
}

const SIGNATURE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

type Library = typeof import('@peculiar/x509');

/** @peculiar/x509 demands the polyfill before it. Rejects with `CertificateLibraryMissing`. */
async function loadLibrary(): Promise<Library> {
  try {
    await import('reflect-metadata');
    return await import('@peculiar/x509');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new CertificateLibraryMissing({ cause: error });
  }
}

/** A new P-256 pair. */
export function newCertificateKeys(): CertificateKeys {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/**
 * Issues a certificate and returns it as PEM. Nothing of the request is judged: tests want bad ones too. The issuer's
 * key is P-256; the certified one may be of any kind. Rejects with `CertificateLibraryMissing`, and when the certificate
 * would name anything else than the request.
 */
export async function issueCertificate(request: CertificateRequest, issuer: Issuer): Promise<string> {
  const x509 = await loadLibrary();
  const pkcs8 = issuer.keys.privateKey.export({ type: 'pkcs8', format: 'der' });
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [request.commonName] }],
    issuer: [{ CN: [issuer.commonName] }],
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    publicKey: spki(request.publicKey),
    signingKey: await crypto.subtle.importKey('pkcs8', pkcs8, SIGNATURE, false, ['sign']),
    signingAlgorithm: SIGNATURE,
    extensions: await extensions(x509, request, issuer),
  });
  const pem = `${certificate.toString('pem')}\n`;
  requireNames(pem, subjectNames(request), request.uris ?? []);
  return pem;
}

/** Each once: DNS names in lower case, IPv6 addresses in hexadecimal groups, as the library misreads their dotted form. */
function subjectNames({ names = [] }: CertificateRequest): readonly string[] {
  const canonical = (name: string): string =>
    isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase();
  return [...new Set(names.map(canonical))];
}

/** A defect of the library shall certify nobody else's name. */
function requireNames(pem: string, names: readonly string[], uris: readonly string[]): void {
  const certificate = new X509Certificate(pem);
  const isNamed = (name: string): boolean =>
    (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
  const all = certificate.subjectAltName?.split(', ') ?? [];
  const isWhole = all.length === names.length + uris.length;
  if (!isWhole || !names.every(isNamed) || !uris.every((uri) => all.includes(`URI:${uri}`)))
    throw new Error(
      `the certificate is for ${certificate.subjectAltName}, not for ${[...names, ...uris].join(', ')}`,
    );
}

async function extensions(x509: Library, request: CertificateRequest, issuer: Issuer): Promise<Extension[]> {
  const { role, publicKey, pathLength } = request;
  const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
  const subjectKey = await x509.SubjectKeyIdentifierExtension.create(spki(publicKey));
  if (role === 'authority')
    return [
      new x509.BasicConstraintsExtension(true, pathLength, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      subjectKey,
    ];
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const general = [
    ...subjectNames(request).map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
    ...(request.uris ?? []).map((value) => ({ type: 'url', value }) as const),
  ];
  return [
    new x509.KeyUsagesExtension(digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([role === 'server' ? serverAuth : clientAuth], false),
    subjectKey,
    await x509.AuthorityKeyIdentifierExtension.create(spki(issuer.keys.publicKey)),
    ...(general.length > 0 ? [new x509.SubjectAlternativeNameExtension(general, false)] : []),
  ];
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}
