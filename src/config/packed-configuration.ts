/**
 * A judged configuration as bytes: how it gets from the thread that loads it to the loop that serves, and from a
 * supervisor to its workers. It comes in parts, each of which is made into objects within a few milliseconds, so that
 * requests are served between them. Some parts hold private keys: whoever is done with the parts wipes them.
 */
import { X509Certificate } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { CertificateAuthority } from '../crypto/authority.js';
import { restorePublicKey } from '../crypto/public-key.js';
import type { FeedbackSettings, SigningDomain } from '../feedback/feedback-settings.js';
import type { Identity, Snapshot, VerificationKey } from '../verify/snapshot.js';
import { keysIn, packDomain, unpackDomain, type PackedDomain } from './packed-domain.js';
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
interface PackedAuthority {
  readonly name: string;
  readonly trustDomain: string | undefined;
  /** DER. */
  readonly certificates: readonly Uint8Array[];
}
/** Of a tenant; the domain of all others has none. */
type PlacedDomain = readonly [tenant: string | undefined, domain: PackedDomain];
type PackedFeedback = Omit<FeedbackSettings, 'defaultDomain' | 'tenantDomains'>;
type Head = Omit<Configuration, 'snapshot' | 'filesRead'> & {
  readonly snapshot: Omit<Snapshot, 'identities' | 'authorities' | 'operators' | 'feedback'>;
  readonly feedback: PackedFeedback | undefined;
};

/** One of these. */
interface Part {
  readonly head?: Head;
  /** UTF-8, of the settings in the head. */
  readonly secrets?: readonly Uint8Array[];
  readonly identities?: readonly PackedIdentity[];
  readonly authorities?: readonly PackedAuthority[];
  readonly operators?: readonly (readonly [string, string])[];
  readonly domains?: readonly PlacedDomain[];
  readonly files?: readonly string[];
  readonly fileStates?: readonly (readonly [string, string])[];
}

/** The parts of a load. Private keys are copied into them, and stay as they are in the configuration. */
export function packConfiguration(
  configuration: Configuration | undefined,
  fileStates: FileStates,
): PackedConfiguration {
  const parts = slices([...fileStates]).map((slice): Part => ({ fileStates: slice }));
  return [...(configuration === undefined ? [] : partsOf(configuration)), ...parts].map(packPart);
}

function packPart(part: Part): PackedPart {
  const bytes = serialize(part);
  const keys = (part.domains ?? []).flatMap(([, domain]) =>
    keysIn(domain).flatMap(({ secret }) => secret ?? []),
  );
  const secrets = [...(part.secrets ?? []), ...keys];
  for (const secret of secrets) secret.fill(0);
  return { bytes, isSecret: secrets.length > 0 };
}

function partsOf({ snapshot, filesRead, ...rest }: Configuration): Part[] {
  const { identities, authorities = new Map<string, never>(), operators, feedback, ...others } = snapshot;
  const texts: string[] = [];
  const settings = takeSecrets(rest.settings, texts);
  return [
    { head: { ...rest, settings, snapshot: others, feedback: feedback && withoutDomains(feedback) } },
    { secrets: texts.map((text) => Buffer.from(text)) },
    ...slices([...identities.values()].map(packIdentity), weightOf).map((slice): Part => ({
      identities: slice,
    })),
    ...slices([...authorities.values()].map(packAuthority), weightOfAuthority).map((slice): Part => ({
      authorities: slice,
    })),
    ...slices([...operators]).map((slice): Part => ({ operators: slice })),
    ...slices(domainsOf(feedback), ([, domain]) => 10 * keysIn(domain).length).map((slice): Part => ({
      domains: slice,
    })),
    ...slices(filesRead).map((slice): Part => ({ files: slice })),
  ];
}

function withoutDomains({
  adjustmentSchemaVersions,
  maxAnswerBytes,
  executions,
}: FeedbackSettings): PackedFeedback {
  return { adjustmentSchemaVersions, maxAnswerBytes, executions };
}

function domainsOf(feedback: FeedbackSettings | undefined): PlacedDomain[] {
  if (feedback === undefined) return [];
  return [[undefined, feedback.defaultDomain] as const, ...feedback.tenantDomains].map(
    ([tenant, domain]): PlacedDomain => [tenant, packDomain(domain)],
  );
}

function weightOf({ pins, certificateNames, keys, operators, attestations }: PackedIdentity): number {
  return (
    1 +
    pins.length +
    (certificateNames?.length ?? 0) +
    3 * keys.length +
    (operators?.size ?? 0) +
    (attestations?.size ?? 0)
  );
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

function packAuthority({ name, trustDomain, issuers }: CertificateAuthority): PackedAuthority {
  return { name, trustDomain, certificates: issuers.map(({ certificate }) => certificate.raw) };
}

/** OpenSSL takes some tenths of a millisecond to read a certificate. */
function weightOfAuthority({ certificates }: PackedAuthority): number {
  return 30 * certificates.length;
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
  const unpacked = new Unpacked(generation);
  for (const { bytes } of parts) {
    unpacked.take(deserialize(bytes) as Part);
    await pause();
  }
  return unpacked.result();
}

/** Overwrites the private keys in the parts. What was made of them stays as it is. */
export function wipePacked(parts: PackedConfiguration): void {
  for (const { bytes, isSecret } of parts) if (isSecret) bytes.fill(0);
}

/** What the parts gave so far. Entries are frozen as they come, and what is frozen is not walked through again. */
class Unpacked {
  readonly #generation: number;
  readonly #identities = new Map<string, Identity>();
  readonly #authorities = new Map<string, CertificateAuthority>();
  readonly #operators = new Map<string, string>();
  readonly #domains = new Map<string | undefined, SigningDomain>();
  readonly #files: string[] = [];
  readonly #fileStates = new Map<string, string>();
  #head: Head | undefined;
  #secrets: readonly string[] = [];

  constructor(generation: number) {
    this.#generation = generation;
  }

  take({
    head,
    secrets,
    identities = [],
    authorities = [],
    operators = [],
    domains = [],
    files = [],
    fileStates = [],
  }: Part): void {
    this.#head ??= head;
    if (secrets !== undefined) this.#secrets = secrets.map((secret) => Buffer.from(secret).toString());
    for (const entry of identities) this.#identities.set(entry.name, deepFreeze(unpackIdentity(entry)));
    for (const entry of authorities) this.#authorities.set(entry.name, unpackAuthority(entry));
    for (const [operator, tenant] of operators) this.#operators.set(operator, tenant);
    for (const [tenant, domain] of domains) this.#domains.set(tenant, deepFreeze(unpackDomain(domain)));
    this.#files.push(...files);
    for (const [path, state] of fileStates) this.#fileStates.set(path, state);
  }

  result(): UnpackedConfiguration {
    return { configuration: this.#head && this.#configuration(this.#head), fileStates: this.#fileStates };
  }

  #configuration({ snapshot, feedback, settings, ...rest }: Head): Configuration {
    const whole: Snapshot = {
      ...snapshot,
      generation: this.#generation,
      identities: this.#identities,
      authorities: this.#authorities,
      operators: this.#operators,
      feedback: feedback && this.#feedback(feedback),
    };
    const restored = restoreSecrets(settings, this.#secrets);
    return deepFreeze({ ...rest, settings: restored, snapshot: whole, filesRead: this.#files });
  }

  #feedback(packed: PackedFeedback): FeedbackSettings | undefined {
    const defaultDomain = this.#domains.get(undefined);
    if (defaultDomain === undefined) return undefined;
    const tenantDomains = new Map<string, SigningDomain>();
    for (const [tenant, domain] of this.#domains) if (tenant !== undefined) tenantDomains.set(tenant, domain);
    return { ...packed, defaultDomain, tenantDomains };
  }
}

function unpackIdentity(identity: PackedIdentity): Identity {
  return {
    ...identity,
    keys: identity.keys.map(({ raw, ...key }) => ({ ...key, publicKey: restorePublicKey(raw) })),
  };
}

function unpackAuthority({ name, trustDomain, certificates }: PackedAuthority): CertificateAuthority {
  return new CertificateAuthority(
    name,
    trustDomain,
    certificates.map((der) => new X509Certificate(der)),
  );
}
