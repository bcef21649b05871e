/** Keys and documents for the tests of key sets. */
import { generateKeyPair, type PrivateKey } from '../../../../src/crypto/private-key.js';
import { jwkThumbprint } from '../../../../src/crypto/public-key.js';
import type { KeySetSettings } from '../../../../src/keys/key-sets/settings.js';

/** One key, as its producer has it. */
export interface SampleKey {
  readonly privateKey: PrivateKey;
  readonly kid: string;
  readonly thumbprint: string;
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** A key of its own for every number under 256. */
export function sampleKey(number: number, members: Readonly<Record<string, unknown>> = {}): SampleKey {
  const privateKey = generateKeyPair(new Uint8Array(32).fill(number));
  const { raw } = privateKey.publicKey;
  const x = Buffer.from(raw).toString('base64url');
  const kid = `k${number}`;
  return {
    privateKey,
    kid,
    thumbprint: jwkThumbprint(raw),
    jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, ...members },
  };
}

/** The bytes of a set of these keys. */
export function documentOf(...keys: readonly Pick<SampleKey, 'jwk'>[]): Buffer {
  return Buffer.from(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
}

/** A set in which these keys are pinned. */
export function settingsFor(
  keys: readonly Pick<SampleKey, 'thumbprint'>[],
  changes: Partial<KeySetSettings> = {},
): KeySetSettings {
  return {
    identity: 'producer-a',
    url: 'https://producer.example/keys.json',
    authority: undefined,
    thumbprints: keys.map(({ thumbprint }) => thumbprint),
    purposes: ['request'],
    refreshSeconds: 300,
    maxStaleSeconds: 3_600,
    ...changes,
  };
}
