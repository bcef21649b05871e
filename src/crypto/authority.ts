/**
 * Certificates under an authority that the configuration names: which of its certificates issued a leaf, and whether that
 * leaf is one that a client may show under a name. Directly issued leaves alone: Envoy passes on no chain.
 */
import { X509Certificate } from 'node:crypto';
import {
  hasUnknownCritical,
  isAuthority,
  isForClientUse,
  isStronglySigned,
  readExtensions,
  readKeyUsage,
  readSubjectNames,
  type Extensions,
  type SubjectNames,
} from './certificate-extensions.js';
import { endMs } from './certificate.js';

/** When something counts: from `notBeforeMs` until just before `notAfterMs`, Unix milliseconds. */
interface Interval {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A CA's certificate. */
export interface IssuerCertificate extends Interval {
  readonly certificate: X509Certificate;
}

function intervalOf(certificate: X509Certificate): Interval {
  return { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: endMs(certificate) };
}

/** A bundle of CA certificates under one name, each of which is trusted by itself. Made anew by every load. */
export class CertificateAuthority {
  readonly name: string;
  /** Of its SPIFFE IDs; undefined where it issues none. */
  readonly trustDomain: string | undefined;
  readonly issuers: readonly IssuerCertificate[];

  constructor(name: string, trustDomain: string | undefined, certificates: readonly X509Certificate[]) {
    this.name = name;
    this.trustDomain = trustDomain;
    this.issuers = certificates.map((certificate) => ({ certificate, ...intervalOf(certificate) }));
  }

  /** Those that issued a certificate: by name, by what they may do, and by the signature. Whether they are valid now is not judged. */
  issuersOf(leaf: X509Certificate): readonly IssuerCertificate[] {
    return this.issuers.filter(({ certificate }) => hasIssued(certificate, leaf));
  }
}

function hasIssued(issuer: X509Certificate, leaf: X509Certificate): boolean {
  try {
    return leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** RFC 5280, section 4.2.1.10, content octets in hex. */
const NAME_CONSTRAINTS = '551d1e';
const LEAST_RSA_BITS = 2048;

/** Why a certificate cannot be an authority; undefined for one that can. */
export function issuerFault(certificate: X509Certificate): string | undefined {
  const extensions = readExtensions(certificate.raw);
  if (extensions === undefined) return 'is not of version 3, so nothing in it says that it is a CA';
  if (isAuthority(extensions) !== true) return 'is not a CA: its basic constraints do not say so';
  const usage = readKeyUsage(extensions);
  if (usage === 'malformed' || usage?.certificates === false)
    return 'may sign no certificates: its key usage does not say keyCertSign';
  if (extensions.has(NAME_CONSTRAINTS)) return 'has name constraints, which are not judged here';
  if (hasUnknownCritical(extensions)) return 'has a critical extension that is not known here';
  return keyFault(certificate);
}

function keyFault(certificate: X509Certificate): string | undefined {
  try {
    const { modulusLength } = certificate.publicKey.asymmetricKeyDetails ?? {};
    return modulusLength !== undefined && modulusLength < LEAST_RSA_BITS
      ? `has an RSA key of ${modulusLength} bits, and ${LEAST_RSA_BITS} are the least`
      : undefined;
  } catch {
    return 'has a key of a kind that is not known here';
  }
}

/** What a leaf says of itself; `unfit` says why nobody may be known by it. */
interface LeafFacts extends SubjectNames, Interval {
  readonly unfit: string | undefined;
}

const NO_NAMES: SubjectNames = { uris: [], dnsNames: new Set() };

/** The certificate of a peer, as a bearer of names. Read when somebody asks for the first time, and remembered as long as it is. */
export class LeafCertificate {
  readonly der: Uint8Array;
  #facts: LeafFacts | undefined;
  readonly #issuers = new WeakMap<CertificateAuthority, readonly IssuerCertificate[]>();

  /** `der`: one certificate, which OpenSSL has read as it stands. */
  constructor(der: Uint8Array) {
    this.der = der;
  }

  /** Nothing of it is verified: anybody can write a certificate. */
  get facts(): LeafFacts {
    return (this.#facts ??= readLeaf(this.der));
  }

  /** Those of the authority's certificates that issued it; a signature is verified once for each authority of a load. */
  issuersIn(authority: CertificateAuthority): readonly IssuerCertificate[] {
    const known = this.#issuers.get(authority);
    if (known !== undefined) return known;
    const issuers = authority.issuersOf(new X509Certificate(this.der));
    this.#issuers.set(authority, issuers);
    return issuers;
  }
}

function readLeaf(der: Uint8Array): LeafFacts {
  const interval = intervalOf(new X509Certificate(der));
  const extensions = readExtensions(der);
  const names = extensions && readSubjectNames(extensions);
  if (extensions === undefined) return { ...NO_NAMES, ...interval, unfit: 'it is not of version 3' };
  if (names === undefined || names === 'malformed')
    return { ...NO_NAMES, ...interval, unfit: 'a name in it is malformed' };
  return { ...names, ...interval, unfit: clientFault(extensions, der) };
}

/** RFC 5280, section 4.2.1, and X509-SVID, section 4: what the leaf of a client must not be. */
function clientFault(extensions: Extensions, der: Uint8Array): string | undefined {
  if (hasUnknownCritical(extensions)) return 'it has a critical extension that is not known';
  if (isAuthority(extensions) !== false) return 'it is the certificate of a CA';
  const usage = readKeyUsage(extensions);
  if (usage === 'malformed' || usage?.messages === false) return 'its key may not sign a handshake';
  if (usage?.certificates === true || usage?.lists === true) return 'its key may sign certificates or lists';
  if (!isForClientUse(extensions)) return 'it is not for clients';
  return isStronglySigned(der) ? undefined : 'it is signed with a weak or unknown algorithm';
}
