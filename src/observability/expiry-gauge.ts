/**
 * When keys, pins and certificates end. Twenty thousand identities have forty thousand ends: they are looked through in
 * slices between which requests are served, and the soonest of them are shown, as each scrape prints what is shown.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';
import { maxCertificateFileBytes, readBoundedFile } from '../config/files/read-file.js';
import type { Configuration } from '../config/settings.js';
import { earliestEndMs, readCertificateBundle } from '../crypto/certificate.js';
import { isValidAt, type ValidityInterval } from '../protocol/validity-interval.js';
import { type KeyChoice, type SigningDomain, activeKeyOf, keysOf } from '../feedback/feedback-settings.js';
import type { FeedbackKey } from '../feedback/feedback-key.js';
import {
  proofsOf,
  type CertificateName,
  type CertificatePin,
  type Identity,
  type MeshName,
  type Snapshot,
  type VerificationKey,
} from '../verify/snapshot.js';

/** A scrape prints a sample in some 3 µs, on the loop that serves. */
const maxShownEnds = 1_000;
/** Identities or signing domains that are looked at before the next pause: a millisecond or so. */
const PER_SLICE = 200;

/** What somebody has to look after. */
export interface Ending {
  readonly kind: 'pin' | 'name' | 'key' | 'feedback_key' | 'certificate' | 'authority';
  readonly owner: string;
  readonly name: string;
  readonly endMs: number;
}

/** What is shown, and how long that holds. */
interface Looked {
  readonly configuration: Configuration;
  readonly span: ValidityInterval;
  readonly ends: readonly Ending[];
}

/**
 * Unix seconds at which something ends. What never ends has no sample; what a reload removed has none any more, and
 * neither has what has ended and is replaced, or is of an identity that is revoked: nobody has to renew it.
 */
export function addExpiryGauge(
  registry: Registry,
  configuration: () => Configuration,
  nowMs: () => number,
): void {
  const soonest = soonestEnds(configuration, nowMs);
  let shown: readonly Ending[] | undefined;
  new Gauge({
    name: 'countersign_expiry_timestamp_seconds',
    help: `When a pin, a key or a certificate ends, Unix seconds: the ${maxShownEnds} that end first, without those that ended and are replaced.`,
    labelNames: ['kind', 'owner', 'name'],
    registers: [registry],
    aggregator: 'min',
    async collect() {
      const ends = await soonest();
      if (shown === ends) return;
      shown = ends;
      this.reset();
      for (const { kind, owner, name, endMs } of ends) this.set({ kind, owner, name }, endMs / 1000);
    },
  });
}

/** What ends first, looked at again when something has ended or begun, or the configuration is another one. */
export function soonestEnds(
  configuration: () => Configuration,
  nowMs: () => number,
): () => Promise<readonly Ending[]> {
  let found: Looked | undefined;
  let looking: Promise<Looked> | undefined;
  return async () => {
    if (found?.configuration === configuration() && isValidAt(found.span, nowMs())) return found.ends;
    // Whoever asks meanwhile waits for the same look.
    looking ??= look(configuration(), nowMs()).finally(() => (looking = undefined));
    found = await looking;
    return found.ends;
  };
}

async function look(configuration: Configuration, nowMs: number): Promise<Looked> {
  const { snapshot, settings } = configuration;
  const soonest = new Soonest();
  let changeMs = Infinity;
  let left = PER_SLICE;
  const step = async (intervals: readonly ValidityInterval[]): Promise<void> => {
    changeMs = Math.min(changeMs, nextChangeMs(intervals, nowMs));
    if (--left > 0) return;
    await nextTurn();
    left = PER_SLICE;
  };
  for (const identity of snapshot.identities.values()) {
    const { name: owner, keys } = identity;
    for (const { sha256, notAfterMs } of pinsToRenew(identity, nowMs))
      soonest.add({ kind: 'pin', owner, name: sha256, endMs: notAfterMs });
    for (const { kid, notAfterMs } of keysToRenew(identity, nowMs))
      soonest.add({ kind: 'key', owner, name: kid, endMs: notAfterMs });
    for (const { name, notAfterMs } of namesToRenew(identity, nowMs))
      soonest.add({ kind: 'name', owner, name, endMs: notAfterMs });
    await step([...proofsOf(identity), ...keys]);
  }
  for (const [owner, domain] of feedbackDomains(snapshot)) {
    for (const { kid, notAfterMs } of feedbackKeysToRenew(domain, nowMs))
      soonest.add({ kind: 'feedback_key', owner, name: kid, endMs: notAfterMs });
    await step(keysOf(domain));
  }
  for (const { name: owner, issuers } of snapshot.authorities?.values() ?? [])
    for (const { certificate, notAfterMs } of issuers)
      soonest.add({
        kind: 'authority',
        owner,
        name: certificate.subject.replaceAll('\n', ', '),
        endMs: notAfterMs,
      });
  const ends = [...soonest.ends(), ...certificateEnds(settings)];
  return { configuration, span: { notBeforeMs: nowMs, notAfterMs: changeMs }, ends };
}

/** Those that end first, in the order in which they came unless there are too many. */
class Soonest {
  readonly #ends: Ending[] = [];
  /** What ends no sooner is not among them. */
  #limitMs = Infinity;

  /** What never ends is left out. */
  add(ending: Ending): void {
    if (ending.endMs >= this.#limitMs) return;
    this.#ends.push(ending);
    if (this.#ends.length === 2 * maxShownEnds) this.#cut();
  }

  ends(): readonly Ending[] {
    if (this.#ends.length > maxShownEnds) this.#cut();
    return this.#ends;
  }

  #cut(): void {
    this.#ends.sort((one, other) => one.endMs - other.endMs);
    this.#ends.length = maxShownEnds;
    this.#limitMs = this.#ends.at(-1)?.endMs ?? Infinity;
  }
}

/** Of the listener; always shown. */
function certificateEnds({ envoy }: Configuration['settings']): Ending[] {
  const files = [envoy?.tls.certificateFile, envoy?.tls.clientCaFile];
  return files.flatMap((name): Ending[] => {
    const endMs = name === undefined ? undefined : certificateEndMs(name);
    if (name === undefined || endMs === undefined || !Number.isFinite(endMs)) return [];
    return [{ kind: 'certificate', owner: 'envoy', name, endMs }];
  });
}

/** Of a chain or a bundle, the end of the first that ends. */
function certificateEndMs(file: string): number | undefined {
  const read = readBoundedFile(file, maxCertificateFileBytes);
  const bundle = read.ok ? readCertificateBundle(read.bytes) : undefined;
  return bundle === undefined || 'code' in bundle ? undefined : earliestEndMs(bundle.certificates);
}

/**
 * Somebody still has to look after keys and pins in force or to come, and after ended ones that nothing replaces:
 * those of an identity, at a moment in Unix milliseconds; none when it is revoked.
 */
function pinsToRenew({ pins, revoked }: Identity, nowMs: number): readonly CertificatePin[] {
  if (revoked) return [];
  const isReplaced = pins.some((pin) => isValidAt(pin, nowMs));
  return pins.filter((pin) => !isReplaced || nowMs < pin.notAfterMs);
}

/** The same of its names. What certificates under them end is their authority's to know. */
function namesToRenew(
  { certificateNames = [], meshNames = [], revoked }: Identity,
  nowMs: number,
): readonly (CertificateName | MeshName)[] {
  if (revoked) return [];
  const names = [...certificateNames, ...meshNames];
  const isReplaced = names.some((name) => isValidAt(name, nowMs));
  return names.filter((name) => !isReplaced || nowMs < name.notAfterMs);
}

/** The same of its keys: an ended one is replaced when for each of its purposes there is one in force. */
function keysToRenew({ keys, revoked }: Identity, nowMs: number): readonly VerificationKey[] {
  if (revoked) return [];
  const served = new Set(
    keys.filter((key) => isValidAt(key, nowMs)).flatMap(({ purposes }) => [...purposes]),
  );
  const isReplaced = ({ purposes }: VerificationKey): boolean =>
    [...purposes].every((purpose) => served.has(purpose));
  return keys.filter((key) => nowMs < key.notAfterMs || !isReplaced(key));
}

/** The same of a signing domain: replaced when another key signs, or, of one that is to end, will have begun by then. */
function feedbackKeysToRenew(domain: SigningDomain, nowMs: number): readonly FeedbackKey[] {
  // Keys in memory are renewed by themselves.
  const choice = domain.delegation?.roots ?? domain;
  const isReplaced = activeKeyOf(choice, nowMs) !== undefined;
  return choice.keys.filter((key) => (!isReplaced || nowMs < key.notAfterMs) && !hasSuccessor(key, choice));
}

/** Where `activeKid` names the key that signs, nobody follows it by itself. */
function hasSuccessor(key: FeedbackKey, { keys, activeKid }: KeyChoice): boolean {
  if (activeKid !== undefined) return false;
  return keys.some(
    ({ notBeforeMs, notAfterMs }) => notBeforeMs < key.notAfterMs && key.notAfterMs < notAfterMs,
  );
}

/** By tenant; the domain of all others as `default`. */
function feedbackDomains({ feedback }: Snapshot): [string, SigningDomain][] {
  return feedback === undefined ? [] : [['default', feedback.defaultDomain], ...feedback.tenantDomains];
}

/** When the next of these begins or ends after `nowMs`, until which nothing of the above changes; Infinity for never. */
function nextChangeMs(intervals: readonly ValidityInterval[], nowMs: number): number {
  let next = Infinity;
  for (const { notBeforeMs, notAfterMs } of intervals)
    for (const ms of [notBeforeMs, notAfterMs]) if (ms > nowMs) next = Math.min(next, ms);
  return next;
}
