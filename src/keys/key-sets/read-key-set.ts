/**
 * A published JWK set (RFC 7517 §5), read strictly: JSON that two readers could take for two things is refused whole. What
 * comes out is what somebody published, and nothing more: no key is judged as a point, and none is pinned yet.
 */
import { readPublicMembers } from '../../crypto/jwk.js';
import { jwkThumbprint } from '../../crypto/public-key.js';
import { memberOf } from '../../json/member-of.js';
import { compileSelection, scanJson } from '../../json/scan.js';
import { KID } from '../../protocol/syntax.js';
import type { ValidityInterval } from '../../protocol/validity-interval.js';

/** One Ed25519 key of a set. */
export interface PublishedKey extends ValidityInterval {
  /** As in the set, or the thumbprint where it gives none. */
  readonly kid: string;
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
  /** 32 bytes, not judged. */
  readonly raw: Uint8Array;
  /** Why it cannot be used, in words without a subject. */
  readonly fault: string | undefined;
}

/** The keys, or in words whose subject is the set why it is refused. */
export type ReadKeySet =
  | { readonly ok: true; readonly keys: readonly PublishedKey[] }
  | { readonly ok: false; readonly reason: string };

/** Many producers may share one set; all of it is read on the loop that serves. */
export const MAX_KEYS_OF_SET = 1_000;

const NOTHING = compileSelection({ pointers: [], closedObjects: [] });

/** Reads the whole document; `bytes` are of a bounded length. Never throws. */
export function readKeySet(bytes: Uint8Array): ReadKeySet {
  const scanned = scanJson(bytes, NOTHING);
  if (!scanned.ok) return refused(`is no strict JSON: ${scanned.fault} at byte ${scanned.offset}`);
  const listed = memberOf(JSON.parse(new TextDecoder().decode(bytes)), 'keys');
  if (!Array.isArray(listed)) return refused('is no JWK set: it has no list `keys`');
  if (listed.length > MAX_KEYS_OF_SET) return refused(`lists more than ${MAX_KEYS_OF_SET} keys`);
  return { ok: true, keys: listed.flatMap((jwk: unknown) => readKey(jwk) ?? []) };
}

function refused(reason: string): ReadKeySet {
  return { ok: false, reason };
}

/** Undefined for what is no Ed25519 key: sets hold keys for other uses (RFC 7517 §5). */
function readKey(jwk: unknown): PublishedKey | undefined {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return undefined;
  const members = new Map<string, unknown>(Object.entries(jwk));
  const isPrivate = members.delete('d');
  const raw = readPublicMembers(Object.fromEntries(members));
  if ('code' in raw) return undefined;
  const thumbprint = jwkThumbprint(raw);
  const [kid, notBefore, notAfter] = [
    members.get('kid') ?? thumbprint,
    members.get('nbf'),
    members.get('exp'),
  ];
  const isKid = typeof kid === 'string' && KID.test(kid);
  const span = { notBeforeMs: momentOf(notBefore, -Infinity), notAfterMs: momentOf(notAfter, Infinity) };
  const fault =
    (isPrivate ? 'stands there with its private half: it is everybody’s now' : undefined) ??
    (isKid ? undefined : 'has a kid that is not 1 to 64 letters, digits, dots, underscores or hyphens') ??
    (mayVerify(members.get('key_ops')) ? undefined : 'has key_ops without verify') ??
    spanFault(span);
  return { kid: isKid ? kid : thumbprint, thumbprint, raw, ...span, fault };
}

/** RFC 7517 §4.3. */
function mayVerify(operations: unknown): boolean {
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}

/** A NumericDate (RFC 7519 §2) in whole seconds; NaN for anything else. */
function momentOf(value: unknown, open: number): number {
  if (value === undefined) return open;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value * 1000 : NaN;
}

function spanFault({ notBeforeMs, notAfterMs }: ValidityInterval): string | undefined {
  return notBeforeMs < notAfterMs ? undefined : 'has an nbf or exp that is no span of whole seconds';
}
