/**
 * Which keys of its sets count for an identity: those whose thumbprints are pinned, and of them those that could stand in the
 * configuration as well. Pure.
 */
import type { PublicKey } from '../../crypto/public-key.js';
import type { VerificationKey } from '../../verify/snapshot.js';
import type { PublishedKey } from './read-key-set.js';
import type { KeySetSettings } from './settings.js';

/** One set of the identity, as it was published last. */
export interface FetchedSet {
  readonly settings: KeySetSettings;
  /** By thumbprint. */
  readonly published: ReadonlyMap<string, PublishedKey>;
  /** Unix milliseconds at which its keys stop counting unless it is fetched again. */
  readonly staleMs: number;
}

/** A pinned key that is published, and does not count. */
export interface RefusedKey {
  readonly kid: string;
  readonly thumbprint: string;
  /** In words without a subject. */
  readonly reason: string;
}

/** What one set gives. */
export interface SelectedKeys {
  readonly keys: readonly VerificationKey[];
  readonly refused: readonly RefusedKey[];
}

/** What keys are held against. */
export interface KeyJudge {
  /** Whether it is sound as a point; undefined where it is not. */
  readonly judge: (key: PublishedKey) => PublicKey | undefined;
  /** What the key is for besides, in words; undefined for nothing (docs/security-requirements.md#4). */
  readonly otherUseOf: (key: PublicKey) => string | undefined;
}

/** One result for each set. A kid names one key of the identity: the first that has it, those of the configuration before all. */
export function selectKeys(
  sets: readonly FetchedSet[],
  configured: readonly VerificationKey[],
  judge: KeyJudge,
): readonly SelectedKeys[] {
  const kids = new Map(configured.map(({ kid }) => [kid, 'the configuration']));
  return sets.map(({ settings, published, staleMs }) => {
    const keys: VerificationKey[] = [];
    const refused: RefusedKey[] = [];
    for (const thumbprint of settings.thumbprints) {
      const key = published.get(thumbprint);
      if (key === undefined) continue;
      const selected = select(key, kids, judge);
      if (typeof selected === 'string') {
        refused.push({ kid: key.kid, thumbprint, reason: selected });
        continue;
      }
      kids.set(key.kid, settings.url);
      keys.push({
        kid: key.kid,
        purposes: settings.purposes,
        publicKey: selected,
        notBeforeMs: key.notBeforeMs,
        notAfterMs: Math.min(key.notAfterMs, staleMs),
        fetched: { url: settings.url, notAfterMs: key.notAfterMs },
      });
    }
    return { keys, refused };
  });
}

/** The key, or why it does not count. */
function select(
  key: PublishedKey,
  kids: ReadonlyMap<string, string>,
  { judge, otherUseOf }: KeyJudge,
): PublicKey | string {
  if (key.fault !== undefined) return key.fault;
  const owner = kids.get(key.kid);
  if (owner !== undefined) return `has a kid that another key has already, of ${owner}`;
  const publicKey = judge(key);
  if (publicKey === undefined) return 'is no sound Ed25519 key';
  const use = otherUseOf(publicKey);
  return use === undefined ? publicKey : `is ${use}`;
}
