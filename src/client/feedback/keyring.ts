/** The keys under which a consumer takes answers: one for each key id, each with its span of validity. */
import type { VerificationKey } from '../../crypto/ed25519.js';
import { describeKeyFault, type KeyFault } from '../../crypto/key-fault.js';
import { readPublicKey } from '../../crypto/key-text.js';
import { quoteText } from '../../json/escape-text.js';
import type { JsonFault } from '../../json/faults.js';
import { KID } from '../../protocol/syntax.js';
import type { ValidityInterval } from '../../protocol/validity-interval.js';

/** More would be a mistake, and judging a key takes some milliseconds. */
export const MAX_KEYRING_KEYS = 256;

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
