/**
 * One round of a schedule: for one signing domain, what the plan says is done to its directory. Between any two steps the
 * directory is good: a key's file is there before the list names it, and the list has let go of a key before its file goes.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { generateKeyPair, zeroize } from '../../crypto/private-key.js';
import {
  planRotation,
  type RotationPlan,
  type RotationSchedule,
  type ScheduledKey,
} from '../../feedback/rotation.js';
import { nodeKeyFiles, type KeyFiles } from './files.js';
import {
  domainDirectory,
  keyFileName,
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
  manifestText,
  OWN_KEY_FILE,
  parseManifest,
  type Manifest,
  type ManifestKey,
} from './manifest.js';

/** A signing domain whose keys are made on schedule. */
export interface RotatedDomain {
  /** Undefined for the domain of all others. */
  readonly tenant: string | undefined;
  /** As the configuration has them: those that the list does not name stand in the file, and are nobody's to end. */
  readonly keys: readonly ScheduledKey[];
}

/** What a round is made with. */
export interface RoundOptions {
  /** `keys.rotation.directory`, absolute. */
  readonly directory: string;
  readonly schedule: RotationSchedule;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly files?: KeyFiles;
}

/** A key as it is told of; nothing of it is secret. */
export interface ToldKey {
  readonly kid: string;
  readonly notBeforeMs: number;
  /** SHA-256 of the public half, as elsewhere in records. */
  readonly fingerprint: string;
}

/** What became of one domain. */
export type DomainOutcome = { readonly tenant: string | undefined } & (
  | {
      readonly kind: 'good';
      readonly announced: ToldKey | undefined;
      /** Ids of keys whose private halves are gone. */
      readonly retired: readonly string[];
      /** Keys that the schedule made and that are there now, in the order in which they were made. */
      readonly keys: readonly ScheduledKey[];
      /** As in {@link RotationPlan}. */
      readonly nextRotationMs: number;
      readonly nextMs: number;
    }
  /** Nothing was done: a sentence that names file and remedy. */
  | { readonly kind: 'failed'; readonly reason: string }
);

/** Moments of two processes of one machine differ by less. */
export const CLOCK_TOLERANCE_MILLISECONDS = 5_000;

/** To be called by one process at a time. Never throws. */
export function rotateDomain(domain: RotatedDomain, options: RoundOptions): DomainOutcome {
  const { tenant } = domain;
  try {
    const read = readDomain(tenant, options);
    if (typeof read === 'string') return { tenant, kind: 'failed', reason: read };
    return { tenant, kind: 'good', ...act(domain, read, options) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { tenant, kind: 'failed', reason };
  }
}

/** What is there; `manifest` is undefined before the first round. */
interface Found {
  readonly directory: string;
  readonly manifest: Manifest | undefined;
  readonly names: readonly string[];
}

function readDomain(
  tenant: string | undefined,
  { directory: root, nowMs, files = nodeKeyFiles }: RoundOptions,
): Found | string {
  const directory = domainDirectory(root, tenant);
  const path = join(directory, MANIFEST_NAME);
  const [bytes, names] = [files.read(path), files.list(directory)];
  if (bytes === undefined) {
    const isLost = names.some((name) => OWN_KEY_FILE.test(name));
    return isLost
      ? `${path} is missing beside its keys: ${LOST_MANIFEST_REMEDY}`
      : { directory, manifest: undefined, names };
  }
  const parsed =
    bytes.length > MAX_MANIFEST_BYTES
      ? ({ ok: false, message: 'is too large' } as const)
      : parseManifest(bytes.toString('utf8'));
  if (!parsed.ok) return `${path} ${parsed.message}: ${BAD_MANIFEST_REMEDY}`;
  const { writtenMs } = parsed.manifest;
  if (nowMs < writtenMs - CLOCK_TOLERANCE_MILLISECONDS)
    return `${path} was written at ${new Date(writtenMs).toISOString()}, and the clock is behind that: set the clock; or, where it was wrong then and is right now, countersign rotate-key CONFIGURATION --feedback --clock-is TIME`;
  return { directory, manifest: parsed.manifest, names };
}

export const LOST_MANIFEST_REMEDY =
  'put it back; or, where no consumer needs those keys any more, move the directory away';
export const BAD_MANIFEST_REMEDY = 'mend it, or put back what was there before; its form is in docs/keys.md';

type Done = Omit<Extract<DomainOutcome, { kind: 'good' }>, 'tenant' | 'kind'>;

function act({ keys: known }: RotatedDomain, found: Found, options: RoundOptions): Done {
  const { schedule, nowMs, files = nodeKeyFiles } = options;
  const { directory, manifest } = found;
  const rotated = manifest?.keys ?? [];
  const fixed = known.filter(({ kid }) => rotated.every((key) => key.kid !== kid));
  const plan = planRotation({ fixed, rotated }, schedule, nowMs);
  if (manifest === undefined) {
    files.makeDirectory(directory);
    putManifest({ writtenMs: nowMs, keys: [] }, directory, files);
  }
  const made = plan.announces && makeKey(plan.announces.notBeforeMs, directory, files);
  const keys = [...keptKeys(rotated, plan), ...(made === undefined ? [] : [made.key])];
  if (made !== undefined || plan.retires.length > 0)
    putManifest({ writtenMs: nowMs, keys }, directory, files);
  for (const { kid } of plan.retires) files.wipe(join(directory, keyFileName(kid)));
  wipeLeftOvers(found, new Set([...rotated, ...keys].map(({ kid }) => keyFileName(kid))), files);
  const { nextMs, nextRotationMs } = plan;
  return { announced: made?.told, retired: plan.retires.map(({ kid }) => kid), keys, nextMs, nextRotationMs };
}

function keptKeys(
  rotated: readonly ManifestKey[],
  { retires, ended }: RotationPlan<ManifestKey>,
): ManifestKey[] {
  const ends = new Map(ended.map(({ key, notAfterMs }) => [key, notAfterMs]));
  return rotated
    .filter((key) => !retires.includes(key))
    .map((key) => ({ ...key, notAfterMs: ends.get(key) ?? key.notAfterMs }));
}

const SEED_BYTES = 32;
const SHOWN_DIGITS = 16;

/** The private half goes to the disk and nowhere else. */
function makeKey(
  notBeforeMs: number,
  directory: string,
  files: KeyFiles,
): { readonly key: ManifestKey; readonly told: ToldKey } {
  const seed = randomBytes(SEED_BYTES);
  const pair = generateKeyPair(seed);
  const { fingerprint } = pair.publicKey;
  const publicKey = Uint8Array.from(pair.publicKey.raw);
  zeroize(pair);
  const day = new Date(notBeforeMs).toISOString().slice(0, 10).replaceAll('-', '');
  const kid = `fb-${day}-${fingerprint.slice(0, SHOWN_DIGITS)}`;
  try {
    files.put(join(directory, keyFileName(kid)), seed);
  } finally {
    seed.fill(0);
  }
  const key = { kid, notBeforeMs, notAfterMs: Number.POSITIVE_INFINITY, publicKey };
  return { key, told: { kid, notBeforeMs, fingerprint } };
}

function putManifest(manifest: Manifest, directory: string, files: KeyFiles): void {
  files.put(join(directory, MANIFEST_NAME), Buffer.from(manifestText(manifest)));
}

/** Of a process that was killed between two steps. What is not ours stays. */
function wipeLeftOvers({ directory, names }: Found, listed: ReadonlySet<string>, files: KeyFiles): void {
  for (const name of names)
    if (OWN_KEY_FILE.test(name) && !listed.has(name)) files.wipe(join(directory, name));
}
