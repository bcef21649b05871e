/** Signing domains as data: how their keys, private halves included, get from one thread or process to another. */
import { restoreKeyPair } from '../crypto/private-key.js';
import { restorePublicKey } from '../crypto/public-key.js';
import {
  LocalFeedbackKey,
  RemoteFeedbackKey,
  type FeedbackKey,
  type KeyReference,
} from '../feedback/feedback-key.js';
import type { KeyChoice, SigningDomain } from '../feedback/feedback-settings.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';

/** `secret` of a key that is here; of one of a source `raw`, its public half. */
type PackedFeedbackKey = ValidityInterval & { readonly kid: string } & (
    | { readonly secret: Uint8Array; readonly raw?: never }
    | { readonly secret?: never; readonly raw: Uint8Array; readonly reference: KeyReference }
  );
interface PackedKeyChoice {
  readonly activeKid: string | undefined;
  readonly keys: readonly PackedFeedbackKey[];
}
/** One signing domain as data. Its secrets are copies: whoever serialises them wipes them. */
export interface PackedDomain extends PackedKeyChoice {
  readonly delegation: { readonly roots: PackedKeyChoice; readonly lifetimeMs: number } | undefined;
}

/** Keys of both kinds. */
export function keysIn({ keys, delegation }: PackedDomain): readonly PackedFeedbackKey[] {
  return [...keys, ...(delegation?.roots.keys ?? [])];
}

/** As data. */
export function packDomain({ delegation, ...answers }: SigningDomain): PackedDomain {
  return {
    ...packChoice(answers),
    delegation: delegation && { ...delegation, roots: packChoice(delegation.roots) },
  };
}

function packChoice({ activeKid, keys }: KeyChoice): PackedKeyChoice {
  const pack = (key: FeedbackKey): PackedFeedbackKey => {
    const { kid, notBeforeMs, notAfterMs } = key;
    const common = { kid, notBeforeMs, notAfterMs };
    if (key.kind === 'local') return { ...common, secret: key.copySecret() };
    return { ...common, raw: key.publicKey.raw, reference: key.reference };
  };
  return { activeKid, keys: keys.map(pack) };
}

/** Whole again. */
export function unpackDomain({ delegation, ...answers }: PackedDomain): SigningDomain {
  if (delegation === undefined) return unpackChoice(answers);
  return { ...unpackChoice(answers), delegation: { ...delegation, roots: unpackChoice(delegation.roots) } };
}

function unpackChoice({ activeKid, keys }: PackedKeyChoice): KeyChoice {
  const unpack = (key: PackedFeedbackKey): FeedbackKey =>
    key.secret === undefined
      ? new RemoteFeedbackKey(key.kid, restorePublicKey(key.raw), key.reference, key)
      : new LocalFeedbackKey(key.kid, restoreKeyPair(key.secret), key);
  return { activeKid, keys: keys.map(unpack) };
}
