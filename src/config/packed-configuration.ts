/**
 * A judged configuration as bytes: how it gets from the thread that loads it to the loop that serves, and from a
 * supervisor to its workers. It comes in parts, each of which is made into objects within a few milliseconds, so that
 * requests are served between them. Some parts hold private keys: whoever is done with the parts wipes them.
 */
import { deserialize, serialize } from 'node:v8';
import { restoreKeyPair } from '../crypto/private-key.js';
import { restorePublicKey } from '../crypto/public-key.js';
import { FeedbackKey } from '../feedback/feedback-key.js';
import type { FeedbackSettings, SigningDomain } from '../feedback/feedback-settings.js';
import type { Identity, Snapshot, ValidityInterval, VerificationKey } from '../verify/snapshot.js';
import { restoreSecrets, takeSecrets } from './secrets.js';
import { deepFreeze, type Configuration, type FileStates } from './settings.js';

/** A part as bytes. */
export interface PackedPart {
  readonly bytes: Uint8Array;
  /** Holds private keys: nothing that is made of it points into it. */
  readonly isSecret: boolean;
}

/** A configuration, in order; of a load that was refused, the states of its files alone. */
export type PackedConfiguration = readonly PackedPart[];

/** What the parts hold together. */
interface UnpackedConfiguration {
  /** Absent where the load was refused. */
  readonly configuration: Configuration | undefined;
  readonly fileStates: FileStates;
}

/** Things of one part, which take a millisecond or two to make. */
const PART_WEIGHT = 300;

type PackedKey = Omit<VerificationKey, 'publicKey'> & { readonly raw: Uint8Array };
type PackedIdentity = Omit<Identity, 'keys'> & { readonly keys: readonly PackedKey[] };
interface PackedFeedbackKey extends ValidityInterval {
  readonly kid: string;
  readonly secret: Uint8Array;
}
interface PackedDomain {
  readonly activeKid: string | undefined;
  readonly keys: readonly PackedFeedbackKey[];
}
/** Of a tenant; the domain of all others has none. */
type PlacedDomain = readonly [tenant: string | undefined, domain: PackedDomain];
type Head = Omit<Configuration, 'snapshot' | 'filesRead'> & {
  readonly snapshot: Omit<Snapshot, 'identities' | 'operators' | 'feedback'>;
  readonly feedback: Omit<FeedbackSettings, 'defaultDomain' | 'tenantDomains'> | undefined;
};

type Part =
  | { readonly kind: 'head'; readonly head: Head }
  /** UTF-8, of the settings in the head. */
  | { readonly kind: 'secrets'; readonly entries: readonly Uint8Array[] }
  | { readonly kind: 'identities'; readonly entries: readonly PackedIdentity[] }
  | { readonly kind: 'operators'; readonly entries: readonly (readonly [string, string])[] }
  | { readonly kind: 'domains'; readonly entries: readonly PlacedDomain[] }
  | { readonly kind: 'files'; readonly entries: readonly string[] }
  | { readonly kind: 'fileStates'; readonly entries: readonly (readonly [string, string])[] };

/** The parts of a load. Private keys are copied into them, and stay as they are in the configuration. */
export function packConfiguration(
  configuration: Configuration | undefined,
  fileStates: FileStates,
): PackedConfiguration {
  const parts: Part[] = slices([...fileStates]).map((entries) => ({ kind: 'fileStates', entries }));
  if (configuration !== undefined) parts.unshift(...partsOf(configuration));
  return parts.map(packPart);
}

function packPart(part: Part): PackedPart {
  const bytes = serialize(part);
  const secrets = secretsOf(part);
  for (const secret of secrets) secret.fill(0);
  return { bytes, isSecret: secrets.length > 0 };
}

function secretsOf(part: Part): readonly Uint8Array[] {
  if (part.kind === 'secrets') return part.entries;
  if (part.kind !== 'domains') return [];
  return part.entries.flatMap(([, { keys }]) => keys.map(({ secret }) => secret));
}

function partsOf({ snapshot, filesRead, ...rest }: Configuration): Part[] {
  const { identities, operators, feedback, ...others } = snapshot;
  const { defaultDomain, tenantDomains, ...settings } = feedback ?? {};
  const domains = [
    ...(defaultDomain === undefined ? [] : [[undefined, defaultDomain] as const]),
    ...(tenantDomains ?? []),
  ].map(([tenant, domain]): PlacedDomain => [tenant, packDomain(domain)]);
  const texts: string[] = [];
  const head: Head = {
    ...rest,
    settings: takeSecrets(rest.settings, texts),
    snapshot: others,
    feedback: feedback && (settings as NonNullable<Head['feedback']>),
  };
  return [
    { kind: 'head', head },
    { kind: 'secrets', entries: texts.map((text) => Buffer.from(text)) },
    ...slices([...identities.values()].map(packIdentity), weightOf).map((entries): Part => ({
      kind: 'identities',
      entries,
    })),
    ...slices([...operators]).map((entries): Part => ({ kind: 'operators', entries })),
    ...slices(domains, ([, { keys }]) => 10 * keys.length).map((entries): Part => ({
      kind: 'domains',
      entries,
    })),
    ...slices(filesRead).map((entries): Part => ({ kind: 'files', entries })),
  ];
}

function weightOf({ pins, keys, operators, attestations }: PackedIdentity): number {
  return 1 + pins.length + 3 * keys.length + (operators?.size ?? 0) + (attestations?.size ?? 0);
}

function slices<T>(entries: readonly T[], weightOf: (entry: T) => number = () => 1): T[][] {
  const all: T[][] = [];
  let left = 0;
  for (const entry of entries) {
    if (left <= 0) {
      all.push([]);
      left = PART_WEIGHT;
    }
    all.at(-1)?.push(entry);
    left -= weightOf(entry);
  }
  return all;
}

function packIdentity(identity: Identity): PackedIdentity {
  return {
    ...identity,
    keys: identity.keys.map(({ publicKey, ...key }) => ({ ...key, raw: publicKey.raw })),
  };
}

function packDomain({ activeKid, keys }: SigningDomain): PackedDomain {
  const pack = (key: FeedbackKey): PackedFeedbackKey => ({
    kid: key.kid,
    notBeforeMs: key.notBeforeMs,
    notAfterMs: key.notAfterMs,
    secret: key.copySecret(),
  });
  return { activeKid, keys: keys.map(pack) };
}

/**
 * The configuration under this generation, frozen, and the states of its files. `pause` is waited for between parts. The parts stay
 * as they are, and can be unpacked again.
 */
export async function unpackConfiguration(
  parts: PackedConfiguration,
  generation: number,
  pause: () => Promise<void>,
): Promise<UnpackedConfiguration> {
  const builder = new Builder(generation);
  for (const { bytes } of parts) {
    builder.take(deserialize(bytes) as Part);
    await pause();
  }
  return builder.result();
}

/** Overwrites the private keys in the parts. What was made of them stays as it is. */
export function wipePacked(parts: PackedConfiguration): void {
  for (const { bytes, isSecret } of parts) if (isSecret) bytes.fill(0);
}

class Builder {
  readonly #generation: number;
  readonly #identities = new Map<string, Identity>();
  readonly #operators = new Map<string, string>();
  readonly #tenants = new Map<string, SigningDomain>();
  readonly #files: string[] = [];
  readonly #fileStates = new Map<string, string>();
  #defaultDomain: SigningDomain | undefined;
  #head: Head | undefined;
  #secrets: readonly string[] = [];

  constructor(generation: number) {
    this.#generation = generation;
  }

  take(part: Part): void {
    switch (part.kind) {
      case 'head':
        this.#head = part.head;
        return;
      case 'secrets':
        this.#secrets = part.entries.map((entry) => Buffer.from(entry).toString());
        return;
      case 'identities':
        for (const entry of part.entries) this.#identities.set(entry.name, deepFreeze(unpackIdentity(entry)));
        return;
      case 'operators':
        for (const [operator, tenant] of part.entries) this.#operators.set(operator, tenant);
        return;
      case 'domains':
        for (const [tenant, domain] of part.entries) this.#place(tenant, deepFreeze(unpackDomain(domain)));
        return;
      case 'files':
        this.#files.push(...part.entries);
        return;
      case 'fileStates':
        for (const [path, state] of part.entries) this.#fileStates.set(path, state);
        return;
    }
  }

  result(): UnpackedConfiguration {
    return { configuration: this.#head && this.#configuration(this.#head), fileStates: this.#fileStates };
  }

  #place(tenant: string | undefined, domain: SigningDomain): void {
    if (tenant === undefined) this.#defaultDomain = domain;
    else this.#tenants.set(tenant, domain);
  }

  /** Entries of the maps are frozen already, and what is frozen is not walked through again. */
  #configuration({ snapshot, feedback, settings, ...rest }: Head): Configuration {
    const whole: Snapshot = {
      ...snapshot,
      generation: this.#generation,
      identities: this.#identities,
      operators: this.#operators,
      feedback: feedback &&
        this.#defaultDomain && {
          ...feedback,
          defaultDomain: this.#defaultDomain,
          tenantDomains: this.#tenants,
        },
    };
    const restored = restoreSecrets(settings, this.#secrets);
    return deepFreeze({ ...rest, settings: restored, snapshot: whole, filesRead: this.#files });
  }
}

function unpackIdentity(identity: PackedIdentity): Identity {
  return {
    ...identity,
    keys: identity.keys.map(({ raw, ...key }) => ({ ...key, publicKey: restorePublicKey(raw) })),
  };
}

function unpackDomain({ activeKid, keys }: PackedDomain): SigningDomain {
  const unpack = ({ kid, secret, ...validity }: PackedFeedbackKey): FeedbackKey =>
    new FeedbackKey(kid, restoreKeyPair(secret), validity);
  return { activeKid, keys: keys.map(unpack) };
}
