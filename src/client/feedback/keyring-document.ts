/** Keyrings written as JSON: an object of key ids, or a JWK set (RFC 7517 §5). Runs anywhere. */
import { canonicalize } from '../../feedback/canonical-json.js';
import { FeedbackKeyring, type KeyringEntry, type KeyringFault, type KeyringResult } from './keyring.js';

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
