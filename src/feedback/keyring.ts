/** The public keys that consumers verify answers with, as they are published. Holds nothing secret. */
import { encodeBase64, encodeBase64Url } from '../crypto/bytes.js';
import type { FeedbackKey } from './feedback-key.js';
import { allDomains, domainOf, type FeedbackSettings, type SigningDomain } from './feedback-settings.js';

/** A public key as a JSON Web Key (RFC 7517, RFC 8037 §2). */
interface FeedbackJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  /** The 32 bytes, base64url. */
  readonly x: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'EdDSA';
  /** First and last bound of validity, Unix seconds, as JWT names them (RFC 7519 §4.1); absent where open. */
  readonly nbf?: number;
  readonly exp?: number;
}

/** What of a key is published. */
type PublishedKey = Pick<FeedbackKey, 'kid' | 'publicKey' | 'notBeforeMs' | 'notAfterMs'>;

/** A JWK set (RFC 7517 §5). */
export interface FeedbackJwkSet {
  readonly keys: readonly FeedbackJwk[];
}

/**
 * The keys that a consumer should know at a moment (Unix milliseconds): those that are valid, and those that will
 * be, since a consumer that first hears of a key with its first signature would drop a genuine answer. No retired
 * ones. Of all domains, each key once; or of the domain of one tenant, which is all that its consumers need.
 */
export function publishedKeys(
  settings: FeedbackSettings,
  nowMs: number,
  tenant?: string,
): readonly FeedbackKey[] {
  return unretired(
    domainsFor(settings, tenant).flatMap(({ keys }) => keys),
    nowMs,
  );
}

/** The root keys that a consumer pins where keys in memory sign the answers; the same of them. */
export function publishedRoots(
  settings: FeedbackSettings,
  nowMs: number,
  tenant?: string,
): readonly FeedbackKey[] {
  return unretired(
    domainsFor(settings, tenant).flatMap(({ delegation }) => delegation?.roots.keys ?? []),
    nowMs,
  );
}

function domainsFor(settings: FeedbackSettings, tenant: string | undefined): readonly SigningDomain[] {
  return tenant === undefined ? allDomains(settings) : [domainOf(settings, tenant)];
}

function unretired(keys: readonly FeedbackKey[], nowMs: number): readonly FeedbackKey[] {
  return [
    ...new Map(keys.filter(({ notAfterMs }) => nowMs < notAfterMs).map((key) => [key.kid, key])).values(),
  ];
}

/** The keys as a JWK set. */
export function toJwkSet(keys: readonly PublishedKey[]): FeedbackJwkSet {
  return { keys: keys.map(toJwk) };
}

function toJwk({ kid, publicKey, notBeforeMs, notAfterMs }: PublishedKey): FeedbackJwk {
  return {
    kty: 'OKP',
    crv: 'Ed25519',
    x: encodeBase64Url(publicKey.raw),
    kid,
    use: 'sig',
    alg: 'EdDSA',
    ...(Number.isFinite(notBeforeMs) ? { nbf: notBeforeMs / 1000 } : {}),
    ...(Number.isFinite(notAfterMs) ? { exp: notAfterMs / 1000 } : {}),
  };
}

/** The keys as the deployed consumers take them: `kid` to base64 of the 32 bytes (docs/wire-contract.md#a-signed-answer). */
export function toKeyMap(keys: readonly FeedbackKey[]): ReadonlyMap<string, string> {
  return new Map(keys.map(({ kid, publicKey }) => [kid, encodeBase64(publicKey.raw)]));
}
