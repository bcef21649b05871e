/**
 * What a reload has changed, by name, for whoever wrote the files: pure, linear in what the two configurations hold,
 * and bounded in what it says. It runs on the loop that serves, in slices between which requests are served.
 */
import { isDeepStrictEqual } from 'node:util';
import type { CertificateAuthority } from '../crypto/authority.js';
import type { FeedbackKey } from '../feedback/feedback-key.js';
import type { FeedbackSettings, KeyChoice, SigningDomain } from '../feedback/feedback-settings.js';
import type { KeySetSettings } from '../keys/key-sets/settings.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';
import type {
  CertificateName,
  CertificatePin,
  Identity,
  MeshName,
  VerificationKey,
} from '../verify/snapshot.js';
import { isSameData } from './secrets.js';
import type { Configuration, ServerSettings } from './settings.js';

/** Names that are told of one kind of change; the rest is a number. */
const SHOWN_NAMES = 10;

/** How often each kind of change was met, and the first names. */
class Changes {
  readonly #kinds = new Map<string, { readonly names: string[]; count: number }>();

  add(kind: string, name: string): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, { names: [name], count: 1 });
    else if (++known.count <= SHOWN_NAMES) known.names.push(name);
  }

  /** `identities added: a, b and 3 more`. */
  lines(): string[] {
    return [...this.#kinds].map(([kind, { names, count }]) => {
      const more = count > names.length ? ` and ${count - names.length} more` : '';
      return `${kind}: ${names.join(', ')}${more}`;
    });
  }
}

/** Names that are compared before the next pause: a millisecond or two. */
const NAMES_PER_SLICE = 200;

/** Waits until others had their turn. */
type Pause = () => Promise<void>;

/**
 * One line for each kind of change, such as `keys removed: producer-a/2025`; empty when nothing is different. `pause`
 * is waited for between slices.
 */
export async function configurationChanges(
  former: Configuration,
  next: Configuration,
  pause: Pause,
): Promise<readonly string[]> {
  const changes = new Changes();
  const [before, after] = [former.snapshot, next.snapshot];
  const slowly = <Value>(comparison: Comparison<Value>): Promise<void> =>
    compareInSlices(comparison, changes, pause);
  await slowly({
    what: 'identities',
    maps: [before.identities, after.identities],
    compare: (name, was, is) => compareIdentity(name, was, is, changes),
  });
  await slowly({
    what: 'authorities',
    maps: [before.authorities ?? NO_AUTHORITIES, after.authorities ?? NO_AUTHORITIES],
    compare: (name, was, is) => {
      if (!isSameAuthority(was, is)) changes.add('authorities changed', name);
    },
  });
  await slowly({
    what: 'operators',
    maps: [before.operators, after.operators],
    compare: (name) => changes.add('operators of another tenant', name),
  });
  await slowly({
    what: 'policies',
    maps: [before.policies, after.policies],
    compare: (name, was, is) => {
      if (!isDeepStrictEqual(was, is)) changes.add('policies changed', name);
    },
  });
  await compareFeedback([before.feedback, after.feedback], changes, slowly);
  if (!isDeepStrictEqual(before.headers, after.headers)) changes.add('settings changed', 'headers');
  if (before.forwardedCertificate !== after.forwardedCertificate)
    changes.add('settings changed', 'forwardedClientCert');
  if (!isDeepStrictEqual(before.reportOnly, after.reportOnly)) changes.add('settings changed', 'reportOnly');
  await slowly({
    what: 'key sets',
    maps: [keySetsOf(former), keySetsOf(next)],
    compare: (name, was, is) => {
      if (!isSameData(was, is)) changes.add('key sets changed', name);
    },
  });
  compareSettings(former.settings, next.settings, changes);
  return changes.lines();
}

function keySetsOf({ settings: { keySets = [] } }: Configuration): ReadonlyMap<string, KeySetSettings> {
  return new Map(keySets.map((set) => [`${set.identity}/${set.url}`, set]));
}

/** Two maps, and what is done about a member that is in both. */
interface Comparison<Value> {
  readonly what: string;
  readonly maps: readonly [before: ReadonlyMap<string, Value>, after: ReadonlyMap<string, Value>];
  readonly compare: (name: string, was: Value, is: Value) => void;
  /** How a member is called in the lines. Default: by its name. */
  readonly named?: (name: string) => string;
}

async function compareInSlices<Value>(
  comparison: Comparison<Value>,
  changes: Changes,
  pause: Pause,
): Promise<void> {
  let left = NAMES_PER_SLICE;
  for (const name of namesIn(comparison.maps)) {
    compareMember(comparison, name, changes);
    if (--left > 0) continue;
    await pause();
    left = NAMES_PER_SLICE;
  }
}

function compareMaps<Value>(comparison: Comparison<Value>, changes: Changes): void {
  for (const name of namesIn(comparison.maps)) compareMember(comparison, name, changes);
}

/** Those that are there now, and then those that were. */
function* namesIn<Value>([before, after]: Comparison<Value>['maps']): Generator<string> {
  yield* after.keys();
  for (const name of before.keys()) if (!after.has(name)) yield name;
}

function compareMember<Value>(
  { what, maps: [before, after], compare, named = (own) => own }: Comparison<Value>,
  name: string,
  changes: Changes,
): void {
  const [was, is] = [before.get(name), after.get(name)];
  if (was === undefined) changes.add(`${what} added`, named(name));
  else if (is === undefined) changes.add(`${what} removed`, named(name));
  else if (was !== is) compare(name, was, is);
}

function compareIdentity(name: string, was: Identity, is: Identity, changes: Changes): void {
  if (was.revoked !== is.revoked)
    changes.add(is.revoked ? 'identities revoked' : 'identities restored', name);
  compareLists('keys', name, [was.keys, is.keys], changes, { nameOf: keyName, isSame: isSameKey });
  compareLists('pins', name, [was.pins, is.pins], changes, { nameOf: pinName, isSame: isSameSpan });
  compareLists('names', name, [namesOf(was), namesOf(is)], changes, {
    nameOf: (one) => ('authority' in one ? `${one.authority}/${one.name}` : `mesh/${one.name}`),
    isSame: (one, other) => isSameSpan(one, other) && issuedFromOf(one) === issuedFromOf(other),
  });
  if (!isSameSet(was.operators, is.operators)) changes.add('operators of identities changed', name);
  if (!isSameSet(was.attestations, is.attestations)) changes.add('attestations of identities changed', name);
}

/** The members of one owner; most often there are one or two, the same as before. */
function compareLists<Member>(
  what: string,
  owner: string,
  [was, is]: readonly [readonly Member[], readonly Member[]],
  changes: Changes,
  { nameOf, isSame }: { nameOf: (member: Member) => string; isSame: (one: Member, other: Member) => boolean },
): void {
  const isAlike = (one: Member, index: number): boolean => {
    const other = was[index];
    return other !== undefined && nameOf(one) === nameOf(other) && isSame(one, other);
  };
  if (was.length === is.length && is.every(isAlike)) return;
  const maps = [was, is].map((members) => new Map(members.map((member) => [nameOf(member), member])));
  const [before = new Map<string, Member>(), after = before] = maps;
  const named = (name: string): string => `${owner}/${name}`;
  const compare = (name: string, one: Member, other: Member): void => {
    if (!isSame(one, other)) changes.add(`${what} changed`, named(name));
  };
  compareMaps({ what, maps: [before, after], compare, named }, changes);
}

const NO_AUTHORITIES: ReadonlyMap<string, CertificateAuthority> = new Map();

function isSameAuthority(one: CertificateAuthority, other: CertificateAuthority): boolean {
  const hashes = ({ issuers }: CertificateAuthority): string =>
    issuers.map(({ certificate }) => certificate.fingerprint256).join();
  return one.trustDomain === other.trustDomain && hashes(one) === hashes(other);
}

function namesOf({
  certificateNames = [],
  meshNames = [],
}: Identity): readonly (CertificateName | MeshName)[] {
  return [...certificateNames, ...meshNames];
}

function issuedFromOf(one: CertificateName | MeshName): number | undefined {
  return 'issuedFromMs' in one ? one.issuedFromMs : undefined;
}

/** Enough of a hash to find it in a file. */
const SHOWN_HASH_DIGITS = 16;

const keyName = ({ kid }: { readonly kid: string }): string => kid;
const pinName = ({ kind, sha256 }: CertificatePin): string => `${kind}:${sha256.slice(0, SHOWN_HASH_DIGITS)}`;

function isSameSpan(one: ValidityInterval, other: ValidityInterval): boolean {
  return one.notBeforeMs === other.notBeforeMs && one.notAfterMs === other.notAfterMs;
}

function isSameKey(one: VerificationKey, other: VerificationKey): boolean {
  return (
    one.publicKey.fingerprint === other.publicKey.fingerprint &&
    isSameSpan(one, other) &&
    one.purposes.length === other.purposes.length &&
    one.purposes.every((purpose) => other.purposes.includes(purpose))
  );
}

function isSameFeedbackKey(one: FeedbackKey, other: FeedbackKey): boolean {
  return one.publicKey.fingerprint === other.publicKey.fingerprint && isSameSpan(one, other);
}

function isSameSet(one: ReadonlySet<string> | undefined, other: ReadonlySet<string> | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.size !== other.size) return false;
  for (const member of one) if (!other.has(member)) return false;
  return true;
}

async function compareFeedback(
  [before, after]: readonly [FeedbackSettings | undefined, FeedbackSettings | undefined],
  changes: Changes,
  slowly: <Value>(comparison: Comparison<Value>) => Promise<void>,
): Promise<void> {
  if (before === undefined || after === undefined) {
    if (before !== after) changes.add('settings changed', 'feedback');
    return;
  }
  compareDomain('by default', before.defaultDomain, after.defaultDomain, changes);
  await slowly({
    what: 'signing domains',
    maps: [before.tenantDomains, after.tenantDomains],
    compare: (tenant, was, is) => compareDomain(tenant, was, is, changes),
  });
  for (const name of ['adjustmentSchemaVersions', 'maxAnswerBytes', 'executions'] as const)
    if (!isDeepStrictEqual(before[name], after[name])) changes.add('settings changed', `feedback.${name}`);
}

function compareDomain(owner: string, was: SigningDomain, is: SigningDomain, changes: Changes): void {
  compareChoice(owner, was.delegation?.roots ?? was, is.delegation?.roots ?? is, changes);
  if (was.delegation?.lifetimeMs !== is.delegation?.lifetimeMs)
    changes.add('settings changed', `feedback delegation ${owner}`);
}

function compareChoice(owner: string, was: KeyChoice, is: KeyChoice, changes: Changes): void {
  const rules = { nameOf: keyName, isSame: isSameFeedbackKey };
  compareLists('feedback keys', owner, [was.keys, is.keys], changes, rules);
  if (was.activeKid !== is.activeKid)
    changes.add('active feedback key changed', `${owner}/${is.activeKid ?? 'the newest'}`);
}

/** Told by name above. */
const TOLD: keyof ServerSettings = 'keySets';

/** By section, and within the sections that can change without a restart, by member. */
function compareSettings(before: ServerSettings, after: ServerSettings, changes: Changes): void {
  const [was, is] = [before, after].map((settings) => new Map<string, unknown>(Object.entries(settings)));
  for (const section of new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])) {
    if (section === TOLD) continue;
    const pair = [was?.get(section), is?.get(section)].map(membersOf);
    for (const member of new Set(pair.flatMap((members) => [...members.keys()])))
      if (!isSameData(pair[0]?.get(member), pair[1]?.get(member)))
        changes.add('settings changed', member === '' ? section : `${section}.${member}`);
  }
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : [['', value]]);
}
