/**
 * From a keyring document (`x-countersign-keyring` of an answer) to a keyring, for consumers who pin a root key alone.
 * Source: docs/feedback.md#delegated-keys. Runs anywhere: no Node built-in and no Buffer.
 */
import { bytesFromLatin1, decodeBase64Url } from '../../crypto/bytes.js';
import { portableVerifier } from '../../crypto/portable.js';
import type { StrictVerifier } from '../../crypto/ed25519.js';
import { canonicalize } from '../../feedback/canonical-json.js';
import { DELEGATION_TYPE } from '../../protocol/syntax.js';
import { keyringFromJson, type FeedbackKeyring, type KeyringFault } from './keyring.js';

/** A document of ours has some 600 characters. */
const MAX_DOCUMENT_CHARACTERS = 16_384;
/** As old as an answer may look to us, whose clock runs behind (docs/wire-contract.md#a-signed-answer). */
const MAX_CLOCK_DIFFERENCE_SECONDS = 300;

/** What a document is held against. */
export interface DelegationOptions {
  /** The root keys that are pinned, by their ids. */
  readonly roots: FeedbackKeyring;
  /** Our own tenant. */
  readonly tenant: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Default: the portable one, of some milliseconds. */
  readonly verifier?: StrictVerifier | undefined;
}

/** The keys that a root key vouches for, or why there are none. */
export type DelegationResult =
  | { readonly ok: true; readonly keyring: FeedbackKeyring; readonly rootKid: string }
  | { readonly ok: false; readonly code: DelegationFailureCode }
  | { readonly ok: false; readonly code: 'bad_keyring'; readonly fault: KeyringFault };

/** Every way in which a document is no keyring. */
export type DelegationFailureCode =
  /** The answer has none: whoever signed it does not delegate. */
  | 'missing'
  /** No JWS in compact form of ours: form, JSON, members. */
  | 'malformed'
  /** The root key's id is not pinned, or the pin does not count now. */
  | 'unknown_root'
  | 'bad_signature'
  /** For another tenant. */
  | 'other_tenant'
  /** Its time is over, or its beginning is more than five minutes ahead. */
  | 'expired'
  | 'not_yet_valid';

/**
 * Verifies a document: form, root key by its exact id, signature, and only then tenant and time. The algorithm is that
 * of the pinned key; the header's `alg` must say so, and decides nothing. Never throws for anything in the document, which
 * is absent as the headers of a `Map`, of `fetch` and of Node say it.
 */
export function keyringFromDelegation(
  document: string | null | undefined,
  options: DelegationOptions,
): DelegationResult {
  if (document === undefined || document === null) return failed('missing');
  const parts = document.length <= MAX_DOCUMENT_CHARACTERS ? document.split('.') : [];
  const [header, payload, signature] = parts.map((part) => decodeBase64Url(part));
  const input = bytesFromLatin1(parts.slice(0, 2).join('.'));
  const head = header && readObject(header);
  const isOurs = head?.['alg'] === 'EdDSA' && head['typ'] === DELEGATION_TYPE && !('crit' in head);
  if (parts.length !== 3 || !payload || !signature || !input || !isOurs) return failed('malformed');
  const { kid } = head;
  const claims = readObject(payload);
  if (typeof kid !== 'string' || claims === undefined) return failed('malformed');
  const root = options.roots.find(kid, options.nowMs);
  if (!root.ok) return failed('unknown_root');
  if (!(options.verifier ?? portableVerifier).verify(root.key, input, signature))
    return failed('bad_signature');
  return judgeClaims(claims, kid, options);
}

function judgeClaims(
  { iat, exp, tenant, keys }: JsonObject,
  rootKid: string,
  options: DelegationOptions,
): DelegationResult {
  const nowSeconds = options.nowMs / 1000;
  if (typeof iat !== 'number' || typeof exp !== 'number' || !Array.isArray(keys)) return failed('malformed');
  if (tenant !== undefined && tenant !== options.tenant) return failed('other_tenant');
  if (!(nowSeconds < exp)) return failed('expired');
  if (iat > nowSeconds + MAX_CLOCK_DIFFERENCE_SECONDS) return failed('not_yet_valid');
  const made = keyringFromJson(JSON.stringify({ keys: (keys as unknown[]).map((key) => bounded(key, exp)) }));
  if (!made.ok) return { ok: false, code: 'bad_keyring', fault: made.fault };
  return { ok: true, keyring: made.keyring, rootKid };
}

/** No key outlives the document that vouches for it. */
function bounded(key: unknown, exp: number): unknown {
  if (typeof key !== 'object' || key === null) return key;
  const own = 'exp' in key && typeof key.exp === 'number' ? key.exp : exp;
  return { ...key, exp: Math.min(own, exp) };
}

function failed(code: DelegationFailureCode): DelegationResult {
  return { ok: false, code };
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Duplicate names and whatever else two parsers read differently are refused. */
function readObject(bytes: Uint8Array): JsonObject | undefined {
  if (!canonicalize(bytes).ok) return undefined;
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}
