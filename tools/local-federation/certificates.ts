/** The certificates of a federation: made once, used again, and made anew before they expire. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import {
  issueCertificate,
  newCertificateKeys,
  type CertificateRequest,
  type Issuer,
} from '../../src/pki/issue-certificate.js';
import type { Layout } from './layout.js';
import { readIfThere, writePrivateFile } from './write-file.js';

/** The files of one certificate, and what it is known by. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** SHA-256 of the DER, 64 lower-case hex digits. */
  readonly sha256: string;
}

/** Everything that the listener and the clients need. */
export interface Certificates {
  readonly authorityFile: string;
  readonly server: CertificateFiles;
  readonly producerA: CertificateFiles;
  readonly producerB: CertificateFiles;
  /** Of the same authority, and pinned to nobody. */
  readonly unpinned: CertificateFiles;
  /** One line for each certificate that had to be made again, with the reason; empty on a first run. */
  readonly renewed: readonly string[];
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const LEAF_DAYS = 397;
const AUTHORITY_DAYS = 3_650;
/** A certificate with less than this left is made anew, so that none expires under a running federation. */
const RENEW_BEFORE_DAYS = 7;
const AUTHORITY_NAME = 'countersign local federation CA';
/** What the server certificate names: this machine, however it is spelled. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

interface Wanted {
  readonly base: string;
  readonly commonName: string;
  readonly role: CertificateRequest['role'];
  readonly days: number;
}

interface Stored {
  readonly certificate: X509Certificate;
  readonly issuer: Issuer;
}

function read(wanted: Wanted): Stored | undefined {
  const certificateText = readIfThere(`${wanted.base}.crt`);
  const keyText = readIfThere(`${wanted.base}.key`);
  if (certificateText === undefined || keyText === undefined) return undefined;
  try {
    const privateKey = createPrivateKey(keyText);
    const keys = { privateKey, publicKey: createPublicKey(privateKey) };
    return {
      certificate: new X509Certificate(certificateText),
      issuer: { commonName: wanted.commonName, keys },
    };
  } catch {
    return undefined;
  }
}

/** Why a stored certificate will not do; undefined when it will. */
function unfit(stored: Stored, authority: X509Certificate, now: Date): string | undefined {
  const { certificate, issuer } = stored;
  const left = Date.parse(certificate.validTo) - now.getTime();
  if (left <= 0) return `expired on ${certificate.validTo}`;
  if (left < RENEW_BEFORE_DAYS * DAY_MILLISECONDS) return `expires on ${certificate.validTo}`;
  if (Date.parse(certificate.validFrom) > now.getTime()) return `not valid before ${certificate.validFrom}`;
  if (!certificate.checkPrivateKey(issuer.keys.privateKey)) return 'its private key is another one';
  if (!certificate.verify(authority.publicKey)) return 'issued by another authority';
  return undefined;
}

async function issue(wanted: Wanted, authority: Issuer | undefined, now: Date): Promise<Stored> {
  const keys = newCertificateKeys();
  const request: CertificateRequest = {
    commonName: wanted.commonName,
    publicKey: keys.publicKey,
    role: wanted.role,
    ...(wanted.role === 'server' && { names: LOOPBACK_NAMES }),
    // An hour ago, for clients whose clock is behind.
    notBefore: new Date(now.getTime() - 60 * 60 * 1000),
    notAfter: new Date(now.getTime() + wanted.days * DAY_MILLISECONDS),
  };
  const own: Issuer = { commonName: wanted.commonName, keys };
  const pem = await issueCertificate(request, authority ?? own);
  writePrivateFile(`${wanted.base}.crt`, pem);
  writePrivateFile(`${wanted.base}.key`, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return { certificate: new X509Certificate(pem), issuer: own };
}

/** The stored certificate if it will do, else a new one. Without an authority it signs itself. */
async function ensure(
  wanted: Wanted,
  authority: Stored | undefined,
  now: Date,
  renewed: string[],
): Promise<Stored> {
  const stored = read(wanted);
  const reason = stored === undefined ? 'unreadable' : unfit(stored, (authority ?? stored).certificate, now);
  if (stored !== undefined && reason === undefined) return stored;
  if (readIfThere(`${wanted.base}.crt`) !== undefined) renewed.push(`${wanted.commonName}: ${reason ?? ''}`);
  return issue(wanted, authority?.issuer, now);
}

/** SHA-256 of the DER of a certificate in PEM, 64 lower-case hex digits. */
export function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}

function filesOf(wanted: Wanted, stored: Stored): CertificateFiles {
  const sha256 = fingerprintOf(stored.certificate.toString());
  return { certificateFile: `${wanted.base}.crt`, keyFile: `${wanted.base}.key`, sha256 };
}

/**
 * Reads the certificates under `certs/`, making those that are missing, unreadable, about to expire or of another
 * authority. The names in the files are the identities that they are pinned to. Rejects with I/O faults.
 */
export async function ensureCertificates(
  layout: Layout,
  names: readonly [string, string],
  now: Date,
): Promise<Certificates> {
  const renewed: string[] = [];
  const base = (file: string): string => join(layout.certificates, file);
  const authorityWanted: Wanted = {
    base: base('ca'),
    commonName: AUTHORITY_NAME,
    role: 'authority',
    days: AUTHORITY_DAYS,
  };
  const authority = await ensure(authorityWanted, undefined, now, renewed);
  const leaf = async (
    file: string,
    commonName: string,
    role: 'server' | 'client',
  ): Promise<CertificateFiles> => {
    const wanted: Wanted = { base: base(file), commonName, role, days: LEAF_DAYS };
    return filesOf(wanted, await ensure(wanted, authority, now, renewed));
  };
  return {
    authorityFile: `${authorityWanted.base}.crt`,
    server: await leaf('server', 'localhost', 'server'),
    producerA: await leaf(names[0], names[0], 'client'),
    producerB: await leaf(names[1], names[1], 'client'),
    unpinned: await leaf('unpinned', 'unpinned', 'client'),
    renewed,
  };
}
