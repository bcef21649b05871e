/**
 * X.509 certificates (RFC 5280) with ECDSA P-256, for a federation on one machine and for tests.
 * Client certificates are as in the field: a common name and no subject alternative name, if wanted of version 1.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import * as der from './der.js';

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
  /** Version 1 has no extensions. Default 3. */
  readonly version?: 1 | 3;
}

const ECDSA_WITH_SHA256 = der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2'));
const EXTENDED_USE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/** What the server certificate names: this machine, however it is spelled. */
const LOOPBACK_NAMES = der.sequence(
  der.element(DNS_NAME, Buffer.from('localhost')),
  der.element(IP_ADDRESS, Buffer.of(127, 0, 0, 1)),
  der.element(IP_ADDRESS, Buffer.from(`${'00'.repeat(15)}01`, 'hex')),
);

/** A new P-256 pair. */
export function newCertificateKeys(): CertificateKeys {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

function name(commonName: string): Buffer {
  const attribute = der.sequence(der.objectIdentifier('2.5.4.3'), der.utf8String(commonName));
  return der.sequence(der.setOf(attribute));
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [der.booleanTrue()] : [];
  return der.sequence(der.objectIdentifier(id), ...flag, der.octetString(value));
}

function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function extensions(request: CertificateRequest, issuer: Issuer): Buffer[] {
  const { role, publicKey } = request;
  const subjectKey = extension('2.5.29.14', false, der.octetString(keyIdentifier(publicKey)));
  const issuerKeyIdentifier = der.element(0x80, keyIdentifier(issuer.keys.publicKey));
  const issuerKey = extension('2.5.29.35', false, der.sequence(issuerKeyIdentifier));
  if (role === 'authority') {
    const signs = extension('2.5.29.15', true, der.bitString(Buffer.of(0b0000_0110), 1));
    return [extension('2.5.29.19', true, der.sequence(der.booleanTrue())), signs, subjectKey];
  }
  const usage = extension('2.5.29.15', true, der.bitString(Buffer.of(0b1000_0000), 7));
  const purpose = extension('2.5.29.37', false, der.sequence(der.objectIdentifier(EXTENDED_USE[role])));
  const names = role === 'server' ? [extension('2.5.29.17', false, LOOPBACK_NAMES)] : [];
  return [usage, purpose, subjectKey, issuerKey, ...names];
}

function toBeSigned(request: CertificateRequest, issuer: Issuer): Buffer {
  const version3 = der.explicit(0, der.unsignedInteger(Buffer.of(2)));
  // A leading 01 keeps the serial number positive and free of leading zeros.
  const serial = der.unsignedInteger(Buffer.concat([Buffer.of(1), randomBytes(15)]));
  const fields = [
    serial,
    ECDSA_WITH_SHA256,
    name(issuer.commonName),
    der.sequence(der.time(request.notBefore), der.time(request.notAfter)),
    name(request.commonName),
    request.publicKey.export({ type: 'spki', format: 'der' }),
  ];
  if (request.version === 1) return der.sequence(...fields);
  return der.sequence(version3, ...fields, der.explicit(3, der.sequence(...extensions(request, issuer))));
}

/** Issues a certificate and returns it as PEM. Nothing of the request is judged: tests want bad ones too. */
export function issueCertificate(request: CertificateRequest, issuer: Issuer): string {
  const body = toBeSigned(request, issuer);
  const signature = sign('sha256', body, issuer.keys.privateKey);
  const certificate = der.sequence(body, ECDSA_WITH_SHA256, der.bitString(signature)).toString('base64');
  const lines = certificate.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
