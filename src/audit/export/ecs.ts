/**
 * Records as documents of the Elastic Common Schema 9: fields of the schema where it has one, and all members under `countersign`.
 * `event.original` is the record as it was written.
 */
import {
  addressIn,
  gravityOf,
  integerIn,
  outcomeOf,
  textIn,
  timeIn,
  type ExportedRecord,
  type ExportSource,
} from './meaning.js';

export const ECS_VERSION = '9.0.0';

/** Members that are texts, and the field of the schema that says the same. */
const ECS_FIELDS: ReadonlyMap<string, string> = new Map([
  ['event', 'event.action'],
  ['code', 'event.code'],
  ['reason', 'event.reason'],
  ['detail', 'event.reason'],
  ['details', 'event.reason'],
  ['decision_id', 'transaction.id'],
  ['request_id', 'http.request.id'],
  ['method', 'http.request.method'],
  ['path', 'url.path'],
  ['identity', 'user.name'],
  ['operator', 'user.id'],
  ['tenant', 'organization.id'],
  ['policy', 'rule.name'],
  ['peer_address', 'client.address'],
]);
/** `log.level`, as the schema advises: the words of the source. */
const LEVELS = { info: 'info', warning: 'warn', error: 'error' } as const;

/** One document. */
export function ecsDocument({ index, text, record }: ExportedRecord, source: ExportSource): object {
  const document: Tree = {};
  for (const [member, field] of ECS_FIELDS) put(document, field, textIn(record, member));
  const timeMs = timeIn(record);
  put(document, '@timestamp', timeMs === undefined ? undefined : new Date(timeMs).toISOString());
  put(document, 'client.ip', addressIn(record, 'peer_address'));
  put(document, 'ecs.version', ECS_VERSION);
  put(document, 'event.kind', 'event');
  put(document, 'event.outcome', outcomeOf(record));
  put(document, 'event.original', text);
  put(document, 'event.sequence', index);
  put(document, 'event.provider', 'countersign');
  put(document, 'event.dataset', 'countersign.audit');
  put(document, 'event.duration', nanoseconds(integerIn(record, 'duration_us')));
  put(document, 'log.level', LEVELS[gravityOf(record)]);
  put(document, 'http.response.status_code', integerIn(record, 'status'));
  // "For consistency with other hash values, this value should be formatted as an uppercase hash."
  put(document, 'tls.client.hash.sha256', textIn(record, 'cert_sha256')?.toUpperCase());
  put(document, 'service.name', 'countersign');
  put(document, 'service.version', source.version);
  put(document, 'service.node.name', source.instance);
  put(document, 'countersign', {
    ...(source.origin === undefined ? {} : { origin: source.origin }),
    ...record,
  });
  return document;
}

/** An object whose names are ours alone. */
type Tree = Record<string, unknown>;

/** Sets a field by its dotted name; nothing for what is undefined. */
function put(tree: Tree, field: string, value: unknown): void {
  if (value === undefined) return;
  const names = field.split('.');
  const last = names.pop() ?? '';
  let at = tree;
  for (const name of names) at = (at[name] ??= {}) as Tree;
  at[last] = value;
}

function nanoseconds(microseconds: number | undefined): number | undefined {
  return microseconds === undefined ? undefined : microseconds * 1000;
}
