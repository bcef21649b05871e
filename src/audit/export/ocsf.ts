/**
 * Records as events of the Open Cybersecurity Schema Framework 1.5.0: decisions and answers are *API Activity* (class 6003), TLS failures *Network
 * Activity* (4001), all others *Application Lifecycle* (6002). `raw_data` is the record as it was written.
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
  type Gravity,
  type Outcome,
} from './meaning.js';
import type { LogRecord } from '../read/record-filter.js';

export const OCSF_VERSION = '1.5.0';

/** `severity_id` and its caption. */
const SEVERITIES: Readonly<Record<Gravity, readonly [number, string]>> = {
  info: [1, 'Informational'],
  warning: [3, 'Medium'],
  error: [4, 'High'],
};
/** `status_id` and its caption. */
const STATUSES: Readonly<Record<Outcome, readonly [number, string]>> = {
  unknown: [0, 'Unknown'],
  success: [1, 'Success'],
  failure: [2, 'Failure'],
};
/** `activity_id` of API Activity by method: Create, Read, Update, Delete, and Other. */
const ACTIVITIES: ReadonlyMap<string, readonly [number, string]> = new Map([
  ['POST', [1, 'Create']],
  ['GET', [2, 'Read']],
  ['HEAD', [2, 'Read']],
  ['PUT', [3, 'Update']],
  ['PATCH', [3, 'Update']],
  ['DELETE', [4, 'Delete']],
]);
const OTHER_ACTIVITY = 99;
/** Of Application Lifecycle. */
const LIFECYCLE: ReadonlyMap<string, readonly [number, string]> = new Map([
  ['verifier.started', [3, 'Start']],
  ['verifier.stopped', [4, 'Stop']],
]);
/** All that `http_method` may be: PATCH is not among them. */
const METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'TRACE',
]);
type Reader = (record: LogRecord, member: string) => unknown;
/** Members that have a place of their own in every class, each with what reads it. What its reader does not read is `unmapped`. */
const PLACED: readonly (readonly [member: string, reader: Reader])[] = [
  ['time', timeIn],
  ...['event', 'code', 'detail', 'tenant', 'decision_id'].map((member) => [member, textIn] as const),
];
/** Those that have one in API Activity, and in Network Activity. */
const PLACED_IN_API: typeof PLACED = [
  ...PLACED,
  ...['request_id', 'path', 'identity', 'operator', 'policy'].map((member) => [member, textIn] as const),
  ['status', integerIn],
  ['method', methodIn],
  ['peer_address', addressIn],
];
const PLACED_IN_NETWORK: typeof PLACED = [...PLACED, ['peer_address', addressIn]];

/** One event. */
export function ocsfEvent(exported: ExportedRecord, source: ExportSource): object {
  const { record } = exported;
  const event = textIn(record, 'event') ?? 'unknown';
  if (event === 'tls.failed')
    return defined({ ...common(exported, source, event, PLACED_IN_NETWORK), ...networkActivity(record) });
  const isCall = (textIn(record, 'decision_id') ?? textIn(record, 'code')) !== undefined;
  return isCall || event === 'envoy.refused'
    ? defined({ ...common(exported, source, event, PLACED_IN_API), ...apiActivity(record, event) })
    : defined({ ...common(exported, source, event, PLACED), ...lifecycle(event, source) });
}

function common(
  { index, text, record }: ExportedRecord,
  source: ExportSource,
  event: string,
  placed: typeof PLACED,
): object {
  const [severityId, severity] = SEVERITIES[gravityOf(record)];
  const [statusId, status] = STATUSES[outcomeOf(record)];
  return {
    time: timeIn(record) ?? 0,
    severity_id: severityId,
    severity,
    status_id: statusId,
    status,
    status_code: textIn(record, 'code') ?? textIn(record, 'reason'),
    status_detail: textIn(record, 'detail') ?? textIn(record, 'details'),
    duration: milliseconds(integerIn(record, 'duration_us')),
    raw_data: text,
    unmapped: unmappedOf(record, placed),
    metadata: defined({
      version: OCSF_VERSION,
      product: product(source),
      event_code: event,
      log_name: source.origin,
      sequence: index,
      uid: source.origin === undefined || index === undefined ? undefined : `${source.origin}#${index}`,
      correlation_uid: textIn(record, 'decision_id'),
      tenant_uid: textIn(record, 'tenant'),
    }),
  };
}

function unmappedOf(record: LogRecord, placed: typeof PLACED): object | undefined {
  const read = new Set(
    placed.flatMap(([member, reader]) => (reader(record, member) === undefined ? [] : [member])),
  );
  const others = Object.entries(record).filter(([member]) => !read.has(member));
  return others.length === 0 ? undefined : Object.fromEntries(others);
}

function product({ version }: ExportSource): object {
  return { name: 'Countersign', vendor_name: 'Countersign', version };
}

/** API Activity wants an actor, the API and where the call came from, which Envoy knows and we do not record. */
function apiActivity(record: LogRecord, event: string): object {
  const method = textIn(record, 'method');
  const [activityId, activity] = ACTIVITIES.get(method ?? '') ?? [OTHER_ACTIVITY, event];
  const identity = textIn(record, 'identity');
  const claimed = textIn(record, 'claimed_identity');
  return {
    ...classed(6, 'Application Activity', 6003, 'API Activity'),
    ...active(6003, activityId, activity),
    actor: defined({
      user: defined({
        name: textIn(record, 'operator') ?? identity ?? claimed ?? 'unknown',
        uid: identity,
        // User and, where nothing is proven, Unknown.
        type_id: identity === undefined ? 0 : 1,
      }),
      app_name: identity ?? claimed,
    }),
    api: {
      operation: textIn(record, 'policy') ?? event,
      request: defined({ uid: textIn(record, 'request_id') ?? textIn(record, 'decision_id') ?? 'unknown' }),
      response: defined({ code: integerIn(record, 'status'), message: textIn(record, 'code') }),
    },
    http_request: requestOf(record),
    http_response: responseOf(record),
    src_endpoint: endpointOf(record),
  };
}

function requestOf(record: LogRecord): object | undefined {
  const [method, path] = [methodIn(record, 'method'), textIn(record, 'path')];
  if (method === undefined && path === undefined) return undefined;
  return defined({ http_method: method, url: path === undefined ? undefined : { path } });
}

function methodIn(record: LogRecord, member: string): string | undefined {
  const method = textIn(record, member);
  return method !== undefined && METHODS.has(method) ? method : undefined;
}

function responseOf(record: LogRecord): object | undefined {
  const code = integerIn(record, 'status');
  return code === undefined ? undefined : { code };
}

/** At least one of its members has to be there. */
function endpointOf(record: LogRecord): object {
  const ip = addressIn(record, 'peer_address');
  const name = textIn(record, 'identity') ?? textIn(record, 'claimed_identity');
  return defined({ ip, name: name ?? (ip === undefined ? 'unknown' : undefined) });
}

function networkActivity(record: LogRecord): object {
  return {
    ...classed(4, 'Network Activity', 4001, 'Network Activity'),
    ...active(4001, 4, 'Fail'),
    src_endpoint: endpointOf(record),
    dst_endpoint: { name: 'envoy' },
    connection_info: { direction_id: 1, direction: 'Inbound', protocol_name: 'tcp' },
  };
}

function lifecycle(event: string, source: ExportSource): object {
  const [activityId, activity] = LIFECYCLE.get(event) ?? [OTHER_ACTIVITY, event];
  return {
    ...classed(6, 'Application Activity', 6002, 'Application Lifecycle'),
    ...active(6002, activityId, activity),
    app: product(source),
  };
}

function classed(category: number, categoryName: string, uid: number, name: string): object {
  return { category_uid: category, category_name: categoryName, class_uid: uid, class_name: name };
}

function active(classUid: number, id: number, name: string): object {
  return { activity_id: id, activity_name: name, type_uid: classUid * 100 + id };
}

function milliseconds(microseconds: number | undefined): number | undefined {
  return microseconds === undefined ? undefined : Math.round(microseconds / 1000);
}

/** Without what is undefined. */
function defined(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
