/**
 * Which keys, certificate pins, names and CA certificates a reload has added, removed or changed, one by one and all of them: for the audit log,
 * where an auditor looks for the day on which a key came. Pure; in slices, as it runs on the loop that serves.
 */
import type { CertificateAuthority } from '../crypto/authority.js';
import { keysOf, type FeedbackSettings, type SigningDomain } from '../feedback/feedback-settings.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';
import type {
  CertificateName,
  CertificatePin,
  Identity,
  MeshName,
  Snapshot,
  VerificationKey,
} from '../verify/snapshot.js';

/** One change. `owner` is an identity, an authority, or the tenant of a signing domain; undefined for the domain of all others. */
export interface CredentialChange {
  readonly how: 'added' | 'removed' | 'changed';
  readonly credential: Credential;
  readonly owner: string | undefined;
}

/** What is told of one: the public half of a key and a certificate by its SHA-256, in lower-case hex, a name as it is. */
export interface Credential extends ValidityInterval {
  readonly kind: 'key' | 'feedback_key' | 'certificate' | 'certificate_name' | 'authority';
  readonly kid?: string;
  readonly purposes?: readonly string[];
  /** Of the raw public key; of the certificate's DER, or of its SubjectPublicKeyInfo. Of a name absent. */
  readonly sha256?: string;
  readonly name?: string;
  /** Of a name in a certificate; absent of one that the mesh says. */
  readonly authority?: string;
  /** Of a pin: what the hash is of. */
  readonly of?: CertificatePin['kind'];
}

/** Owners that are compared before the next pause: a millisecond or two. */
const OWNERS_PER_SLICE = 200;

/** The changes between two snapshots; `pause` is waited for between slices. */
export async function credentialChanges(
  before: Snapshot,
  after: Snapshot,
  pause: () => Promise<void>,
): Promise<readonly CredentialChange[]> {
  const changes: CredentialChange[] = [];
  let left = OWNERS_PER_SLICE;
  for (const [owner, was, is] of owners(before, after)) {
    compare(owner, was, is, changes);
    if (--left > 0) continue;
    await pause();
    left = OWNERS_PER_SLICE;
  }
  return changes;
}

type Compared = readonly [owner: string | undefined, was: Credential[], is: Credential[]];

function* owners(before: Snapshot, after: Snapshot): Generator<Compared> {
  for (const name of union(before.identities, after.identities))
    yield [name, ofIdentity(before.identities.get(name)), ofIdentity(after.identities.get(name))];
  for (const name of union(before.authorities ?? NO_AUTHORITIES, after.authorities ?? NO_AUTHORITIES))
    yield [name, ofAuthority(before.authorities?.get(name)), ofAuthority(after.authorities?.get(name))];
  const [was, is] = [before.feedback, after.feedback];
  yield [undefined, ofDomain(was?.defaultDomain), ofDomain(is?.defaultDomain)];
  for (const tenant of union(domainsOf(was), domainsOf(is)))
    yield [tenant, ofDomain(domainsOf(was).get(tenant)), ofDomain(domainsOf(is).get(tenant))];
}

function* union(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): Generator<string> {
  yield* after.keys();
  for (const name of before.keys()) if (!after.has(name)) yield name;
}

const NO_AUTHORITIES: ReadonlyMap<string, CertificateAuthority> = new Map();
const NO_DOMAINS: FeedbackSettings['tenantDomains'] = new Map();

function domainsOf(feedback: FeedbackSettings | undefined): FeedbackSettings['tenantDomains'] {
  return feedback?.tenantDomains ?? NO_DOMAINS;
}

function ofIdentity(identity: Identity | undefined): Credential[] {
  if (identity === undefined) return [];
  const { keys, pins, certificateNames = [], meshNames = [] } = identity;
  return [
    ...keys.map(ofRequestKey),
    ...pins.map(ofPin),
    ...certificateNames.map(ofName),
    ...meshNames.map(ofName),
  ];
}

function ofRequestKey({ kid, purposes, publicKey, notBeforeMs, notAfterMs }: VerificationKey): Credential {
  return { kind: 'key', kid, purposes, sha256: publicKey.fingerprint, notBeforeMs, notAfterMs };
}

function ofPin({ kind, sha256, notBeforeMs, notAfterMs }: CertificatePin): Credential {
  return { kind: 'certificate', sha256, of: kind, notBeforeMs, notAfterMs };
}

function ofName({ name, notBeforeMs, notAfterMs, ...rest }: CertificateName | MeshName): Credential {
  const under = 'authority' in rest ? { authority: rest.authority } : {};
  return { kind: 'certificate_name', name, ...under, notBeforeMs, notAfterMs };
}

/** Each CA certificate of a bundle, with its own validity. */
function ofAuthority(authority: CertificateAuthority | undefined): Credential[] {
  return (authority?.issuers ?? []).map(({ certificate, notBeforeMs, notAfterMs }) => ({
    kind: 'authority',
    sha256: sha256OfFingerprint(certificate.fingerprint256),
    notBeforeMs,
    notAfterMs,
  }));
}

function sha256OfFingerprint(colons: string): string {
  return colons.replaceAll(':', '').toLowerCase();
}

function ofDomain(domain: SigningDomain | undefined): Credential[] {
  return (domain === undefined ? [] : keysOf(domain)).map(({ kid, publicKey, notBeforeMs, notAfterMs }) => ({
    kind: 'feedback_key',
    kid,
    sha256: publicKey.fingerprint,
    notBeforeMs,
    notAfterMs,
  }));
}

/** A key under another id, or another key under the same id, is one removed and one added. */
function compare(
  owner: string | undefined,
  was: Credential[],
  is: Credential[],
  changes: CredentialChange[],
): void {
  const [before, after] = [was, is].map((all) => new Map(all.map((one) => [nameOf(one), one])));
  for (const [name, credential] of after ?? []) {
    const former = before?.get(name);
    if (former === undefined) changes.push({ how: 'added', credential, owner });
    else if (!isSame(former, credential)) changes.push({ how: 'changed', credential, owner });
  }
  for (const [name, credential] of before ?? [])
    if (after?.has(name) !== true) changes.push({ how: 'removed', credential, owner });
}

function nameOf({ kind, kid, sha256, of, name, authority }: Credential): string {
  return [kind, of ?? '', sha256 ?? '', kid ?? '', authority ?? '', name ?? ''].join(' ');
}

function isSame(one: Credential, other: Credential): boolean {
  return (
    one.notBeforeMs === other.notBeforeMs &&
    one.notAfterMs === other.notAfterMs &&
    String(one.purposes) === String(other.purposes)
  );
}
