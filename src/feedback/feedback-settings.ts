/** What signing an answer reads of the configuration, which key signs for whom, and whether all of them sign rightly. */
import { isValidAt, latestOf } from '../protocol/validity-interval.js';
import type { FeedbackKey } from './feedback-key.js';
import type { Signer } from '../crypto/signing.js';

/** Keys of which one is active at a moment. */
export interface KeyChoice {
  /** In the order of the file; ids are distinct. */
  readonly keys: readonly FeedbackKey[];
  /** The active key, where the file names one. */
  readonly activeKid: string | undefined;
}

/** Keys that sign for the same consumers. Of a domain that delegates they are those in memory, and none before the first is vouched for. */
export interface SigningDomain extends KeyChoice {
  readonly delegation?: Delegation | undefined;
}

/** Answers are signed with keys in memory. */
export interface Delegation {
  /** They vouch for those keys, and sign no answer themselves. */
  readonly roots: KeyChoice;
  /** How long a key in memory is vouched for, from its first signature on. */
  readonly lifetimeMs: number;
}

/** Which (execution, attestation) pairs an adjustment may name. */
interface ExecutionSettings {
  /** Whether each pair must have been submitted by the same tenant, in a graph that passed ingress. */
  readonly required: boolean;
  /** Pairs remembered for one tenant; the oldest is forgotten first. */
  readonly maxPerTenant: number;
  readonly retentionSeconds: number;
}

/** The `feedback` section, frozen. */
export interface FeedbackSettings {
  /** For every tenant without a domain of its own. */
  readonly defaultDomain: SigningDomain;
  /** By tenant, compared byte for byte. */
  readonly tenantDomains: ReadonlyMap<string, SigningDomain>;
  readonly adjustmentSchemaVersions: ReadonlySet<string>;
  /** The longest answer of an upstream that is read, in bytes. */
  readonly maxAnswerBytes: number;
  readonly executions: ExecutionSettings;
}

/** The keys that sign for a tenant. */
export function domainOf(settings: FeedbackSettings, tenant: string): SigningDomain {
  return settings.tenantDomains.get(tenant) ?? settings.defaultDomain;
}

/**
 * The key that signs at a moment (Unix milliseconds): the one that `activeKid` names, while it is valid; without
 * `activeKid`, of the keys that are valid the one with the latest `notBefore`, and of those the last in the file.
 * Undefined when there is none: a retired key fails closed (docs/security-requirements.md#5), another never takes its place.
 */
export function activeKeyOf({ keys, activeKid }: KeyChoice, nowMs: number): FeedbackKey | undefined {
  return latestOf(
    keys.filter((key) => isValidAt(key, nowMs) && (activeKid === undefined || key.kid === activeKid)),
  );
}

/**
 * The self-test of signing at start-up and at a reload (docs/security-requirements.md#6): every key that is here, through
 * the signer in use and through tweetnacl. Takes some 20 ms a key. Keys of sources are tested through these
 * (`src/keys/guarded-key.ts`).
 * @param tested fingerprints of keys that are passed over: equal public halves have equal private ones, and those
 *   have agreed already.
 * @returns the `kid` of the first key whose signatures differ; undefined when all agree.
 */
export function findDisagreeingKey(
  settings: FeedbackSettings,
  signer: Signer,
  tested: ReadonlySet<string> = new Set(),
): string | undefined {
  const disagrees = (key: FeedbackKey): boolean =>
    key.kind === 'local' && !tested.has(key.publicKey.fingerprint) && !key.agreesWith(signer);
  return allKeys(settings).find(disagrees)?.kid;
}

/** The fingerprints of all keys. */
export function fingerprintsOf(settings: FeedbackSettings): readonly string[] {
  return allKeys(settings).map(({ publicKey }) => publicKey.fingerprint);
}

/** The keys of every domain, root keys among them. */
export function allKeys(settings: FeedbackSettings): readonly FeedbackKey[] {
  return allDomains(settings).flatMap(keysOf);
}

/** The keys of one domain as the configuration has them, and those in memory. */
export function keysOf({ keys, delegation }: SigningDomain): readonly FeedbackKey[] {
  return delegation === undefined ? keys : [...delegation.roots.keys, ...keys];
}

/** That of all tenants without one first. */
export function allDomains({ defaultDomain, tenantDomains }: FeedbackSettings): readonly SigningDomain[] {
  return [defaultDomain, ...tenantDomains.values()];
}
