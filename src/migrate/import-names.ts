/** What becomes of each variable of the existing gateway (docs/wire-contract.md#the-environment-of-another-gateway). */

/** Variables that become something in our file; `import-env.ts` reads them. */
export const carriedNames = [
  'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
  'VV_TG_OPERATOR_TENANT_MAP',
  'VV_TG_SPECTRASTRIKE_ED25519_PUBKEY',
  'VV_FEDERATION_SPECTRASTRIKE_ED25519_PUBKEY',
  'VV_TG_ALLOWED_CLOCK_SKEW_SECONDS',
  'VV_TG_NONCE_TTL_SECONDS',
  'VV_TG_NONCE_BACKEND',
  'VV_TG_RATE_LIMIT_BACKEND',
  'VV_TG_REDIS_URL',
  'VV_TG_RATE_LIMIT_PER_MINUTE',
  'VV_TG_ALLOWED_SCHEMA_VERSION',
  'VV_TG_ALLOWED_SCHEMA_VERSIONS',
  'VV_TG_ENFORCE_SCHEMA_VERSION',
  'VV_TG_REQUIRE_MTLS',
  'VV_TG_REQUIRE_PAYLOAD_SIGNATURE',
  'VV_TG_FEEDBACK_ED25519_KEYS_JSON',
  'VV_TG_FEEDBACK_ACTIVE_KID',
] as const;

/** A variable that we read. */
export type CarriedName = (typeof carriedNames)[number];

const upstreamNames = new Set([
  'VV_TG_QUEUE_BACKEND',
  'VV_TG_NATS_URL',
  'VV_TG_QUEUE_SUBJECT',
  'VV_TG_DLQ_SUBJECT',
  'VV_TG_FAIL_ON_PERSISTENCE_ERROR',
]);
const upstreamPrefixes = ['VV_TAMPER_LOG_', 'VV_SERVICE_IDENTITY_', 'VV_DB_'];

/** How a variable concerns us: read, the upstream's own, of the gateway but unknown, or nobody's here. */
export function kindOfVariable(name: string): 'carried' | 'upstream' | 'unknown' | 'unrelated' {
  if ((carriedNames as readonly string[]).includes(name)) return 'carried';
  if (upstreamNames.has(name) || upstreamPrefixes.some((prefix) => name.startsWith(prefix)))
    return 'upstream';
  return name.startsWith('VV_') ? 'unknown' : 'unrelated';
}
