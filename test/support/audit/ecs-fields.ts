/**
 * The fields of the Elastic Common Schema that `countersign audit export` writes, and what the schema says of each. Source: the object
 * `EcsFlat` of the npm package @elastic/ecs 9.0.0 (Apache-2.0): its `type`, and the names in its `allowed_values`. That package takes
 * 11 MB, so it is no dependency. A new field comes here from it, with `npm pack @elastic/ecs@9.0.0`.
 */

/** Of the schema that the fields are from. */
export const ECS_FIELDS_VERSION = '9.0.0';

export type EcsType = 'date' | 'ip' | 'keyword' | 'long' | 'wildcard';

interface EcsField {
  readonly type: EcsType;
  /** Where the schema allows a few values alone. */
  readonly allowed?: readonly string[];
}

export const ECS_SCHEMA_FIELDS: ReadonlyMap<string, EcsField> = new Map<string, EcsField>([
  ['@timestamp', { type: 'date' }],
  ['client.address', { type: 'keyword' }],
  ['client.ip', { type: 'ip' }],
  ['ecs.version', { type: 'keyword' }],
  ['event.action', { type: 'keyword' }],
  ['event.code', { type: 'keyword' }],
  ['event.dataset', { type: 'keyword' }],
  ['event.duration', { type: 'long' }],
  [
    'event.kind',
    {
      type: 'keyword',
      allowed: ['alert', 'asset', 'enrichment', 'event', 'metric', 'state', 'pipeline_error', 'signal'],
    },
  ],
  ['event.original', { type: 'keyword' }],
  ['event.outcome', { type: 'keyword', allowed: ['failure', 'success', 'unknown'] }],
  ['event.provider', { type: 'keyword' }],
  ['event.reason', { type: 'keyword' }],
  ['event.sequence', { type: 'long' }],
  ['http.request.id', { type: 'keyword' }],
  ['http.request.method', { type: 'keyword' }],
  ['http.response.status_code', { type: 'long' }],
  ['log.level', { type: 'keyword' }],
  ['organization.id', { type: 'keyword' }],
  ['rule.name', { type: 'keyword' }],
  ['service.name', { type: 'keyword' }],
  ['service.node.name', { type: 'keyword' }],
  ['service.version', { type: 'keyword' }],
  ['tls.client.hash.sha256', { type: 'keyword' }],
  ['transaction.id', { type: 'keyword' }],
  ['url.path', { type: 'wildcard' }],
  ['user.id', { type: 'keyword' }],
  ['user.name', { type: 'keyword' }],
]);
