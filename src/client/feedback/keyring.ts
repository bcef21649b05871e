/**
 * The keys under which a consumer takes answers: one for each key id, each with its span of validity; from a map, or
 * from JSON (an object of key ids, or a JWK set, RFC 7517 §5). Runs anywhere: no Node built-in and no Buffer.
 */
import type { VerificationKey } from '../../crypto/ed25519.js';
import { type KeyFault, describeKeyFault } from '../../crypto/key-fault.js';
import { readPublicKey } from '../../crypto/key-text.js';
import { quoteText } from '../../json/escape-text.js';
import type { JsonFault } from '../../json/faults.js';
import { KID } from '../../protocol/syntax.js';
import type { ValidityInterval } from '../../protocol/validity-interval.js';
import { canonicalize } from '../../feedback/canonical-json.js';

/** More would be a mistake, and judging a key takes some milliseconds. */
const MAX_KEYRING_KEYS = 256;

/** A key as it is written down. */
export interface KeyringEntry {
  /** Base64 of 32 bytes, SPKI PEM, an OpenSSH line or a JWK. */
  readonly publicKey: string;
  /** Unix milliseconds; absent: ever since. */
  readonly notBeforeMs?: number | undefined;
  /** The first moment at which the key is retired; absent: never. */
  readonly notAfterMs?: number | undefined;
}

/** What a keyring says of a key id at a moment. */
export type KeyLookup =
  | { readonly ok: true; readonly key: VerificationKey }
  | { readonly ok: false; readonly code: 'unknown_kid' | 'kid_not_yet_valid' | 'kid_retired' };

/** Outcome of making a keyring; the first fault, as an operator mends one at a time. */
export type KeyringResult =
  | { readonly ok: true; readonly keyring: FeedbackKeyring }
  | { readonly ok: false; readonly fault: KeyringFault };

interface KeyringKey extends ValidityInterval {
  readonly key: VerificationKey;
}

/** Immutable; to rotate, make a new one with both keys, their spans overlapping, and pass that on. */
export class FeedbackKeyring {
  readonly #keys: ReadonlyMap<string, KeyringKey>;

  private constructor(keys: ReadonlyMap<string, KeyringKey>) {
    this.#keys = keys;
  }

  /** Judges every key; a key id may come once, and there is at least one. Never throws. */
  static from(entries: Iterable<readonly [kid: string, entry: KeyringEntry | string]>): KeyringResult {
    const keys = new Map<string, KeyringKey>();
    for (const [kid, entry] of entries) {
      const key = readEntry(kid, typeof entry === 'string' ? { publicKey: entry } : entry);
      if ('code' in key) return { ok: false, fault: key };
      if (keys.has(kid)) return { ok: false, fault: { code: 'repeated_kid', kid } };
      if (keys.size === MAX_KEYRING_KEYS) return { ok: false, fault: { code: 'too_many_keys' } };
      keys.set(kid, key);
    }
    if (keys.size === 0) return { ok: false, fault: { code: 'empty' } };
    return { ok: true, keyring: new FeedbackKeyring(keys) };
  }

  /** The key ids, in the order in which they were given. */
  get kids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /**
   * The key of exactly this id, if it may be used now; no other key is ever tried.
   * @param signedAtMs when the answer says it was signed. A key begins by the signer's clock, as far ahead of ours as
   *   an answer may be; it ends by ours alone, since who has a retired key can write any time.
   */
  find(kid: string, nowMs: number, signedAtMs = nowMs): KeyLookup {
    const found = this.#keys.get(kid);
    if (found === undefined) return { ok: false, code: 'unknown_kid' };
    if (nowMs >= found.notAfterMs) return { ok: false, code: 'kid_retired' };
    if (Math.max(nowMs, signedAtMs) < found.notBeforeMs) return { ok: false, code: 'kid_not_yet_valid' };
    return { ok: true, key: found.key };
  }
}

function readEntry(kid: string, entry: KeyringEntry): KeyringKey | KeyringFault {
  if (!KID.test(kid)) return { code: 'bad_kid', kid };
  const { notBeforeMs = -Infinity, notAfterMs = Infinity } = entry;
  // Written so that NaN is no span either.
  if (!(notBeforeMs < notAfterMs)) return { code: 'bad_validity', kid };
  const read = readPublicKey(entry.publicKey);
  return 'code' in read ? { code: 'bad_key', kid, fault: read } : { key: read, notBeforeMs, notAfterMs };
}

/** Every way in which making a keyring fails. */
export type KeyringFault =
  | { readonly code: 'not_json'; readonly fault: JsonFault; readonly offset: number }
  /** JSON, but neither an object of keys nor a JWK set. */
  | { readonly code: 'not_a_keyring' }
  | { readonly code: 'empty' }
  | { readonly code: 'too_many_keys' }
  | { readonly code: 'bad_kid'; readonly kid: string }
  | { readonly code: 'repeated_kid'; readonly kid: string }
  /** Neither a text nor an object with the members of an entry. */
  | { readonly code: 'bad_entry'; readonly kid: string }
  /** A moment without its zone, or a span that is empty. */
  | { readonly code: 'bad_validity'; readonly kid: string }
  | { readonly code: 'bad_key'; readonly kid: string; readonly fault: KeyFault }
  /** The file of a key could not be read; `message` is in plain words. */
  | { readonly code: 'unreadable_key_file'; readonly kid: string; readonly message: string };

/** One sentence without a full stop. A key id of the file in it is quoted and escaped. */
export function describeKeyringFault(fault: KeyringFault): string {
  switch (fault.code) {
    case 'not_json':
      return `it is not acceptable JSON: ${fault.fault} at byte ${fault.offset}`;
    case 'not_a_keyring':
      return 'it is neither a JSON object of key id and public key, nor a JWK set';
    case 'empty':
      return 'it holds no Ed25519 key';
    case 'too_many_keys':
      return 'it holds more than 256 keys';
    case 'bad_kid':
      return `the key id ${quoteText(fault.kid)} is not 1 to 64 letters, digits, ".", "_" or "-"`;
    case 'repeated_kid':
      return `the key id ${quoteText(fault.kid)} comes twice`;
    case 'bad_entry':
      return `the entry ${quoteText(fault.kid)} is neither a text nor an object of publicKey (or publicKeyFile), notBefore and notAfter`;
    case 'bad_validity':
      return `the validity of ${quoteText(fault.kid)} is no span between two moments with their zone, such as 2026-01-01T00:00:00Z`;
    case 'bad_key':
      return `the entry ${quoteText(fault.kid)}: ${describeKeyFault(fault.fault)}`;
    case 'unreadable_key_file':
      return `the key file of ${quoteText(fault.kid)} ${fault.message}`;
  }
}

/** The text of a file that an entry names, or why there is none. */
export type KeyFileReader = (
  path: string,
) => { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/** `kid` → base64 of 32 bytes, PEM text, or an entry with a span of validity. */
export type KeyringMap =
  Readonly<Record<string, string | KeyringEntry>> | ReadonlyMap<string, string | KeyringEntry>;

/** A keyring from a map in the program. Never throws. */
export function keyringFromMap(map: KeyringMap): KeyringResult {
  return FeedbackKeyring.from(map instanceof Map ? map : Object.entries(map));
}

/**
 * A keyring from JSON text, told apart by its form:
 * - `{"kid": KEY, …}`, where KEY is base64 of 32 bytes, PEM text, the path of a file with the public key (where
 *   `readKeyFile` is given), or `{"publicKey": …}` or `{"publicKeyFile": …}` with `notBefore` and `notAfter`
 *   (RFC 3339 with zone);
 * - `{"keys": […]}`, a JWK set: every key has a `kid`; `nbf` and `exp` (Unix seconds) bound its use where they are
 *   there; keys of another type are passed over (RFC 7517 §5).
 * Duplicate names are refused. Never throws.
 */
export function keyringFromJson(text: string, readKeyFile?: KeyFileReader): KeyringResult {
  const judged = canonicalize(new TextEncoder().encode(text));
  if (!judged.ok) return failed({ code: 'not_json', fault: judged.fault, offset: judged.offset });
  const document: unknown = JSON.parse(text);
  if (!isObject(document)) return failed({ code: 'not_a_keyring' });
  const entries: [string, KeyringEntry][] = [];
  const keys = document['keys'];
  const read = Array.isArray(keys)
    ? keys.filter(isEdwardsKey).map((jwk) => readJwk(jwk))
    : Object.entries(document).map(([kid, value]) => readValue(kid, value, readKeyFile));
  for (const entry of read) {
    if ('code' in entry) return failed(entry);
    entries.push(entry);
  }
  return FeedbackKeyring.from(entries);
}

function failed(fault: KeyringFault): KeyringResult {
  return { ok: false, fault };
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEdwardsKey(jwk: unknown): boolean {
  return !isObject(jwk) || jwk['kty'] === 'OKP';
}

function readJwk(jwk: unknown): [string, KeyringEntry] | KeyringFault {
  const kid = isObject(jwk) ? jwk['kid'] : undefined;
  if (!isObject(jwk) || typeof kid !== 'string') return { code: 'bad_kid', kid: '' };
  const [notBeforeMs, notAfterMs] = [secondsOf(jwk, 'nbf'), secondsOf(jwk, 'exp')];
  if (Number.isNaN(notBeforeMs) || Number.isNaN(notAfterMs)) return { code: 'bad_validity', kid };
  return [kid, { publicKey: JSON.stringify(jwk), notBeforeMs, notAfterMs }];
}

/** Milliseconds; NaN for what is no number of seconds. */
function secondsOf(jwk: JsonObject, name: string): number | undefined {
  const value = jwk[name];
  if (value === undefined) return undefined;
  return typeof value === 'number' && value >= 0 ? value * 1000 : NaN;
}

const ENTRY_MEMBERS: ReadonlySet<string> = new Set(['publicKey', 'publicKeyFile', 'notBefore', 'notAfter']);

function readValue(
  kid: string,
  value: unknown,
  readKeyFile: KeyFileReader | undefined,
): [string, KeyringEntry] | KeyringFault {
  if (typeof value === 'string') return withKey(kid, value, !looksLikeKey(value), {}, readKeyFile);
  if (!isObject(value) || Object.keys(value).some((name) => !ENTRY_MEMBERS.has(name)))
    return { code: 'bad_entry', kid };
  const { publicKey, publicKeyFile, notBefore, notAfter } = value;
  const [notBeforeMs, notAfterMs] = [momentOf(notBefore), momentOf(notAfter)];
  if (Number.isNaN(notBeforeMs) || Number.isNaN(notAfterMs)) return { code: 'bad_validity', kid };
  const source = publicKey ?? publicKeyFile;
  if (typeof source !== 'string' || (publicKey !== undefined && publicKeyFile !== undefined))
    return { code: 'bad_entry', kid };
  return withKey(kid, source, publicKey === undefined, { notBeforeMs, notAfterMs }, readKeyFile);
}

/** A bare text is a key when it can be one, and else a path: no path has 43 such letters and a `=`, or is PEM. */
function looksLikeKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(text) || text.includes('-----BEGIN ') || text.startsWith('ssh-');
}

function withKey(
  kid: string,
  source: string,
  isPath: boolean,
  span: Pick<KeyringEntry, 'notBeforeMs' | 'notAfterMs'>,
  readKeyFile: KeyFileReader | undefined,
): [string, KeyringEntry] | KeyringFault {
  if (!isPath || readKeyFile === undefined) return [kid, { publicKey: source, ...span }];
  const file = readKeyFile(source);
  return file.ok
    ? [kid, { publicKey: file.text, ...span }]
    : { code: 'unreadable_key_file', kid, message: file.message };
}

const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Unix milliseconds of an RFC 3339 moment; NaN for any other text, a day that the month does not have included. */
function momentOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const parts = typeof value === 'string' ? MOMENT.exec(value) : null;
  if (parts === null) return NaN;
  const [year, month, day] = parts.slice(1).map(Number);
  const midnight = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day));
  return midnight.getUTCDate() === day ? Date.parse(parts[0]) : NaN;
}
