/**
 * The identities of the configuration, a page at a time. Twenty thousand of them are looked through in slices, between
 * which requests are served.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isValidAt, type ValidityInterval } from '../../protocol/validity-interval.js';
import {
  proofsOf,
  type CertificateName,
  type CertificatePin,
  type Identity,
  type MeshName,
  type VerificationKey,
} from '../../verify/snapshot.js';

/** What is asked for. */
export interface IdentityQuery {
  /** In a name, a key id or a hash, in any case; empty for all. */
  readonly find: string;
  readonly state: IdentityState | 'all';
  /** How many of those that match come before. */
  readonly from: number;
}

/**
 * `unusable`: no key, or no pin and no name, is valid now. `ending`: a key, or a pin or name, that is valid now ends within thirty days, and
 * none of its kind is valid for longer.
 */
export type IdentityState = 'usable' | 'ending' | 'unusable' | 'revoked';

/** How long a key or pin may be used; Unix milliseconds, undefined where it is open. */
interface Validity {
  readonly notBeforeMs: number | undefined;
  readonly notAfterMs: number | undefined;
  readonly isValid: boolean;
}

/** An identity for people. Hashes are SHA-256 in lower-case hex. */
export interface ShownIdentity {
  readonly name: string;
  readonly state: IdentityState;
  readonly keys: readonly (Validity & {
    readonly kid: string;
    readonly purposes: readonly string[];
    readonly sha256: string;
    /** The URL of the set that it is of; its end is then that of the key, which a fetch that is due does not move. */
    readonly keySet: string | undefined;
  })[];
  readonly pins: readonly (Validity & { readonly kind: string; readonly sha256: string })[];
  /** `authority` is absent of what the mesh says. */
  readonly names: readonly (Validity & { readonly name: string; readonly authority: string | undefined })[];
  /** How many there are; undefined for any. */
  readonly operators: number | undefined;
  readonly attestations: number | undefined;
}

/** One page of them. */
export interface IdentityPage {
  readonly total: number;
  readonly matching: number;
  readonly from: number;
  readonly identities: readonly ShownIdentity[];
}

export const IDENTITIES_PER_PAGE = 25;
/** Of one identity. */
const SHOWN_EACH = 20;
/** Looked at before the next pause: a millisecond or so. */
const PER_SLICE = 200;
const ENDING_MILLISECONDS = 30 * 86_400_000;

/** Those that match, in the order of the file. */
export async function listIdentities(
  identities: ReadonlyMap<string, Identity>,
  query: IdentityQuery,
  nowMs: number,
): Promise<IdentityPage> {
  const find = query.find.toLowerCase();
  const shown: ShownIdentity[] = [];
  let matching = 0;
  let looked = 0;
  for (const identity of identities.values()) {
    if (++looked % PER_SLICE === 0) await nextTurn();
    if (!holds(identity, find)) continue;
    if (query.state !== 'all' && stateOf(identity, nowMs) !== query.state) continue;
    if (matching >= query.from && shown.length < IDENTITIES_PER_PAGE) shown.push(show(identity, nowMs));
    matching++;
  }
  return { total: identities.size, matching, from: query.from, identities: shown };
}

function holds(identity: Identity, find: string): boolean {
  const { name, keys, pins } = identity;
  return (
    find === '' ||
    name.toLowerCase().includes(find) ||
    keys.some(
      ({ kid, publicKey }) => kid.toLowerCase().includes(find) || publicKey.fingerprint.includes(find),
    ) ||
    pins.some(({ sha256 }) => sha256.includes(find)) ||
    namesOf(identity).some((one) => one.name.toLowerCase().includes(find))
  );
}

/** How an identity is, at a moment in Unix milliseconds. */
export function stateOf(identity: Identity, nowMs: number): IdentityState {
  if (identity.revoked) return 'revoked';
  const lasts = Math.min(lastEndMs(identity.keys, nowMs), lastEndMs(proofsOf(identity), nowMs));
  if (lasts <= nowMs) return 'unusable';
  return lasts - nowMs < ENDING_MILLISECONDS ? 'ending' : 'usable';
}

/** One that may say what fetched it. */
type Ending = ValidityInterval & Pick<VerificationKey, 'fetched'>;

/** When the last of those that are valid now ends; -Infinity without any. */
function lastEndMs(intervals: readonly Ending[], nowMs: number): number {
  let last = -Infinity;
  for (const interval of intervals) if (isValidAt(interval, nowMs)) last = Math.max(last, ownEndMs(interval));
  return last;
}

/** What a set brings counts for longer with every fetch of it. */
function ownEndMs({ fetched, notAfterMs }: Ending): number {
  return fetched?.notAfterMs ?? notAfterMs;
}

function show(identity: Identity, nowMs: number): ShownIdentity {
  const { name, keys, pins, operators, attestations } = identity;
  return {
    name,
    state: stateOf(identity, nowMs),
    keys: keys.slice(0, SHOWN_EACH).map((key) => showKey(key, nowMs)),
    pins: pins.slice(0, SHOWN_EACH).map((pin) => showPin(pin, nowMs)),
    names: namesOf(identity)
      .slice(0, SHOWN_EACH)
      .map((name) => showName(name, nowMs)),
    operators: operators?.size,
    attestations: attestations?.size,
  };
}

function showKey(key: VerificationKey, nowMs: number): ShownIdentity['keys'][number] {
  return {
    kid: key.kid,
    purposes: key.purposes,
    sha256: key.publicKey.fingerprint,
    ...validityOf({ ...key, notAfterMs: ownEndMs(key) }, nowMs),
    isValid: isValidAt(key, nowMs),
    keySet: key.fetched?.url,
  };
}

function showPin(pin: CertificatePin, nowMs: number): ShownIdentity['pins'][number] {
  return { kind: pin.kind, sha256: pin.sha256, ...validityOf(pin, nowMs) };
}

function namesOf({
  certificateNames = [],
  meshNames = [],
}: Identity): readonly (CertificateName | MeshName)[] {
  return [...certificateNames, ...meshNames];
}

function showName(one: CertificateName | MeshName, nowMs: number): ShownIdentity['names'][number] {
  const authority = 'authority' in one ? one.authority : undefined;
  return { name: one.name, authority, ...validityOf(one, nowMs) };
}

function validityOf(interval: ValidityInterval, nowMs: number): Validity {
  const bound = (ms: number): number | undefined => (Number.isFinite(ms) ? ms : undefined);
  return {
    notBeforeMs: bound(interval.notBeforeMs),
    notAfterMs: bound(interval.notAfterMs),
    isValid: isValidAt(interval, nowMs),
  };
}
