/** The start-up self-test of signing (docs/security-requirements.md#6): every key, through the signer in use and through tweetnacl. */
import type { Signer } from '../crypto/signing.js';
import type { FeedbackKey } from './feedback-key.js';
import type { FeedbackSettings } from './feedback-settings.js';

/** The `kid` of the first key whose signatures differ; undefined when all agree. Takes some 20 ms a key. */
export function findDisagreeingKey(settings: FeedbackSettings, signer: Signer): string | undefined {
  return allKeys(settings).find((key) => !key.agreesWith(signer))?.kid;
}

/**
 * The same at a reload: only of keys whose fingerprints are not among `tested`. Equal public halves have equal private
 * ones, and those have agreed already.
 */
export function findDisagreeingNewKey(
  settings: FeedbackSettings,
  tested: ReadonlySet<string>,
  signer: Signer,
): string | undefined {
  const fresh = allKeys(settings).filter(({ publicKey }) => !tested.has(publicKey.fingerprint));
  return fresh.find((key) => !key.agreesWith(signer))?.kid;
}

/** The fingerprints of all keys. */
export function fingerprintsOf(settings: FeedbackSettings): readonly string[] {
  return allKeys(settings).map(({ publicKey }) => publicKey.fingerprint);
}

function allKeys({ defaultDomain, tenantDomains }: FeedbackSettings): readonly FeedbackKey[] {
  return [defaultDomain, ...tenantDomains.values()].flatMap(({ keys }) => keys);
}
