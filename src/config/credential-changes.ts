/**
 * Which keys and certificate pins a reload has added, removed or changed, one by one and all of them: for the audit log,
 * where an auditor looks for the day on which a key came. Pure; in slices, as it runs on the loop that serves.
 */
import type { FeedbackKey } from '../feedback/feedback-key.js';
import type { FeedbackSettings } from '../feedback/feedback-settings.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';
import type { CertificatePin, Identity, Snapshot, VerificationKey } from '../verify/snapshot.js';

/** One change. `owner` is an identity, or the tenant of a signing domain; undefined for the domain of all others. */
export interface CredentialChange {
  readonly how: 'added' | 'removed' | 'changed';
  readonly credential: Credential;
  readonly owner: string | undefined;
}

/** What is told of a key or a pin: its public half by its SHA-256, in lower-case hex. */
export interface Credential extends ValidityInterval {
  readonly kind: 'key' | 'feedback_key' | 'certificate';
  readonly kid?: string;
  readonly purposes?: readonly string[];
  /** Of the raw public key; of the certificate's DER, or of its SubjectPublicKeyInfo. */
  readonly sha256: string;
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
  const [was, is] = [before.feedback, after.feedback];
  yield [undefined, ofKeys(was?.defaultDomain.keys), ofKeys(is?.defaultDomain.keys)];
  for (const tenant of union(domainsOf(was), domainsOf(is)))
    yield [tenant, ofKeys(domainsOf(was).get(tenant)?.keys), ofKeys(domainsOf(is).get(tenant)?.keys)];
}

function* union(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): Generator<string> {
  yield* after.keys();
  for (const name of before.keys()) if (!after.has(name)) yield name;
}

const NO_DOMAINS: FeedbackSettings['tenantDomains'] = new Map();

function domainsOf(feedback: FeedbackSettings | undefined): FeedbackSettings['tenantDomains'] {
  return feedback?.tenantDomains ?? NO_DOMAINS;
}

function ofIdentity(identity: Identity | undefined): Credential[] {
  if (identity === undefined) return [];
  return [...identity.keys.map(ofRequestKey), ...identity.pins.map(ofPin)];
}

function ofRequestKey({ kid, purposes, publicKey, notBeforeMs, notAfterMs }: VerificationKey): Credential {
  return { kind: 'key', kid, purposes, sha256: publicKey.fingerprint, notBeforeMs, notAfterMs };
}

function ofPin({ kind, sha256, notBeforeMs, notAfterMs }: CertificatePin): Credential {
  return { kind: 'certificate', sha256, of: kind, notBeforeMs, notAfterMs };
}

function ofKeys(keys: readonly FeedbackKey[] = []): Credential[] {
  return keys.map(({ kid, publicKey, notBeforeMs, notAfterMs }) => ({
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

function nameOf({ kind, kid, sha256, of }: Credential): string {
  return [kind, of ?? '', sha256, kid ?? ''].join(' ');
}

function isSame(one: Credential, other: Credential): boolean {
  return (
    one.notBeforeMs === other.notBeforeMs &&
    one.notAfterMs === other.notAfterMs &&
    String(one.purposes) === String(other.purposes)
  );
}
