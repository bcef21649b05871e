/**
 * What Vault's answers say, read strictly: signature, public key, token. Texts of the server are told apart and never
 * repeated, as whoever stands in its place could put our own token into them.
 */
import { decodeCanonicalBase64 } from '../../crypto/bytes.js';
import { memberOf } from '../../json/member-of.js';
import type { KeyReference, KeySourceAnswer, KeySourceFault } from '../key-source.js';

/** An answer that is no success. */
export interface VaultFailure {
  readonly ok: false;
  readonly fault: KeySourceFault;
  /** Without a subject, which is the server. */
  readonly reason: string;
  /** Undefined where nothing was answered. */
  readonly status?: number;
}

/** JSON of a success, of no known type. */
export type VaultAnswer = { readonly ok: true; readonly value: unknown } | VaultFailure;

/** A token, and how long it lives. */
export interface VaultToken {
  readonly token: string;
  readonly lease: VaultLease;
}

/** Of a token; `seconds` is 0 where it never ends. */
export interface VaultLease {
  readonly seconds: number;
  readonly renewable: boolean;
}

const SIGNATURE = /^vault:v([1-9][0-9]{0,9}):([A-Za-z0-9+/]{86}==)$/;
const SIGNATURE_BYTES = 64;
const PUBLIC_KEY_BYTES = 32;
/** What stands in a header is visible and has no space. A token has some hundred characters, a JWT one or two thousand. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/;
/** A hundred years: a longer lease is no number of seconds. */
const MAX_LEASE_SECONDS = 3_153_600_000;

/** Whether a text may stand in a header as a token, or in a request as a JWT. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value);
}

/** 64 bytes, said to be of the version that was asked for. They are not verified yet. */
export function signatureIn(value: unknown, version: number): KeySourceAnswer {
  const text = memberOf(memberOf(value, 'data'), 'signature');
  const parts = typeof text === 'string' ? SIGNATURE.exec(text) : null;
  if (parts === null) return refused('answers with something else than an Ed25519 signature');
  if (parts[1] !== String(version))
    return refused(`signs with version ${parts[1]} of the key, where version ${version} was asked for`);
  return bytesOf(parts[2], SIGNATURE_BYTES, 'answers with something else than an Ed25519 signature');
}

/** 32 bytes. Not judged as a point. */
export function publicKeyIn(value: unknown, { key, version }: KeyReference): KeySourceAnswer {
  const data = memberOf(value, 'data');
  const type = memberOf(data, 'type');
  if (type !== 'ed25519') return refused(`has no Ed25519 key ${key}: it is of another type`);
  if (memberOf(data, 'derived') !== false)
    return refused(
      `has a derived key ${key}, which is another one for each context: make one that is not derived`,
    );
  const entry = memberOf(memberOf(data, 'keys'), String(version));
  if (entry === undefined) return refused(`has no version ${version} of the key ${key}, or not any more`);
  return bytesOf(
    memberOf(entry, 'public_key'),
    PUBLIC_KEY_BYTES,
    `answers with something else than a public key of ${key}`,
  );
}

/** Of a login. */
export function tokenIn(value: unknown): VaultToken | undefined {
  const auth = memberOf(value, 'auth');
  const token = memberOf(auth, 'client_token');
  const lease = leaseOf(memberOf(auth, 'lease_duration'), memberOf(auth, 'renewable'));
  return isToken(token) && lease !== undefined ? { token, lease } : undefined;
}

/** Of a renewal. */
export function renewedLeaseIn(value: unknown): VaultLease | undefined {
  const auth = memberOf(value, 'auth');
  return leaseOf(memberOf(auth, 'lease_duration'), memberOf(auth, 'renewable'));
}

/** Of a look-up: what is left of it. Tokens of operators that never end have no `renewable`. */
export function remainingLeaseIn(value: unknown): VaultLease | undefined {
  const data = memberOf(value, 'data');
  return leaseOf(memberOf(data, 'ttl'), memberOf(data, 'renewable') ?? false);
}

function leaseOf(seconds: unknown, renewable: unknown): VaultLease | undefined {
  if (typeof seconds !== 'number' || typeof renewable !== 'boolean') return undefined;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_LEASE_SECONDS) return undefined;
  return { seconds, renewable };
}

function bytesOf(text: unknown, length: number, otherwise: string): KeySourceAnswer {
  const bytes = typeof text === 'string' ? decodeCanonicalBase64(text, length) : undefined;
  return bytes === undefined ? refused(otherwise) : { ok: true, bytes };
}

function refused(reason: string): Extract<KeySourceAnswer, { ok: false }> {
  return { ok: false, fault: 'refused', reason };
}

/**
 * What Vault says with 400, and as often with 500 (builtin/logical/transit, sdk/helper/keysutil of Vault 1.21): these are
 * about what was asked, not about the server.
 */
const ABOUT_THE_REQUEST: readonly (readonly [part: string, fault: KeySourceFault, reason: string])[] = [
  [
    'exceeds allowed length',
    'too_large',
    'takes no string as long (max_json_string_value_length of its listener)',
  ],
  ['request body too large', 'too_large', 'takes no request as long (max_request_size of its listener)'],
  ['signing key not found', 'refused', 'has no such key'],
  [
    'requested version for signing',
    'refused',
    'does not sign with this version: it is not there yet, is below min_encryption_version, or has no private half',
  ],
  [
    'no such key version',
    'refused',
    'has this version of the key no more: it is below min_decryption_version, or trimmed',
  ],
  ['does not support signing', 'refused', 'has a key of another type there'],
  ['deriving key', 'refused', 'has a derived key there'],
  ['invalid role name', 'refused', 'has no such role'],
  ['not renewable', 'refused', 'does not renew this token'],
];
const TOO_LARGE = 413;
/** A replica that has not seen yet what the token was made with (412), a quota (429), and whoever is no active server. */
const LATER: ReadonlySet<number> = new Set([408, 412, 429, 472, 473]);

/** Why an answer with this status, which is not 200, is none. `what` names what was asked, such as `transit/sign/feedback`. */
export function failureOf(status: number, body: Buffer, what: string): VaultFailure {
  const text = status === 400 || status >= 500 ? body.toString('latin1') : '';
  const known = ABOUT_THE_REQUEST.find(([part]) => text.includes(part));
  if (known !== undefined) return failed(known[1], `answers ${status} to ${what}: it ${known[2]}`, status);
  if (status === TOO_LARGE) return failed('too_large', `answers 413 to ${what}`, status);
  if (status === 403)
    return failed(
      'refused',
      `answers 403 to ${what}: the token has ended, or no policy of it allows this`,
      status,
    );
  if (status === 404)
    return failed('refused', `answers 404 to ${what}: there is no such mount, namespace or key`, status);
  if (status >= 500 || LATER.has(status))
    return failed(
      'away',
      `answers ${status} to ${what}${status === 503 ? ': it is sealed, or no active server' : ''}`,
      status,
    );
  return failed('refused', `answers ${status} to ${what}`, status);
}

function failed(fault: KeySourceFault, reason: string, status: number): VaultFailure {
  return { ok: false, fault, reason, status };
}
