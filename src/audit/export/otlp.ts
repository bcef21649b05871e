/**
 * Records as OpenTelemetry log records, in OTLP/JSON (OpenTelemetry protocol 1.x, "OTLP/HTTP", "JSON Protobuf Encoding"): the
 * body is the record as it was written, so that whoever has it can prove it; the attributes are its members.
 */
import { timeOf } from '../read/record-filter.js';
import { gravityOf, textIn, type ExportedRecord, type ExportSource, type Gravity } from './meaning.js';

/** `AnyValue` of opentelemetry.proto.common.v1, as far as records need it. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly boolValue: boolean };

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** `SeverityNumber` and text (OpenTelemetry logs data model, "Severity Fields"). */
const SEVERITIES: Readonly<Record<Gravity, readonly [number, string]>> = {
  info: [9, 'INFO'],
  warning: [13, 'WARN'],
  error: [17, 'ERROR'],
};

/**
 * Members that have a name among OpenTelemetry's semantic conventions (1.3x: http, url, tls, client), with how their value is said there.
 * Every other member is `countersign.<member>`.
 */
export const SEMANTIC_NAMES: ReadonlyMap<string, readonly [name: string, say?: (value: string) => string]> =
  new Map<string, readonly [string, ((value: string) => string)?]>([
    ['method', ['http.request.method']],
    ['path', ['url.path']],
    ['status', ['http.response.status_code']],
    ['peer_address', ['client.address']],
    // Conventions of `tls.client.hash.sha256`: "this value should be formatted as an uppercase hash".
    ['cert_sha256', ['tls.client.hash.sha256', (value) => value.toUpperCase()]],
  ]);
/** Said by fields of the log record itself. */
const FIELDS: ReadonlySet<string> = new Set(['time', 'event']);

/** `ExportLogsServiceRequest` in JSON, on one line, as the file format of the collector has it. `observedMs`: Unix milliseconds. */
export function otlpRequest(
  records: readonly ExportedRecord[],
  source: ExportSource,
  observedMs: number,
): string {
  const resource = [
    text('service.name', 'countersign'),
    text('service.version', source.version),
    ...(source.instance === undefined ? [] : [text('service.instance.id', source.instance)]),
    ...(source.origin === undefined ? [] : [text('countersign.log.origin', source.origin)]),
  ];
  const logRecords = records.map((record) => logRecord(record, source, observedMs));
  const scope = { name: 'countersign.audit', version: source.version };
  return JSON.stringify({
    resourceLogs: [{ resource: { attributes: resource }, scopeLogs: [{ scope, logRecords }] }],
  });
}

function logRecord(
  { index, text: body, record }: ExportedRecord,
  { origin }: ExportSource,
  observedMs: number,
): object {
  const [severityNumber, severityText] = SEVERITIES[gravityOf(record)];
  const timeMs = timeOf(record);
  const eventName = textIn(record, 'event');
  return {
    ...(Number.isNaN(timeMs) ? {} : { timeUnixNano: nanoseconds(timeMs) }),
    observedTimeUnixNano: nanoseconds(observedMs),
    severityNumber,
    severityText,
    ...(eventName === undefined ? {} : { eventName }),
    body: { stringValue: body },
    attributes: [
      ...(index === undefined ? [] : [integer('countersign.log.index', index)]),
      // The same record may be sent again; this names it.
      ...(index === undefined || origin === undefined ? [] : [text('log.record.uid', `${origin}#${index}`)]),
      ...Object.entries(record).flatMap(([member, value]) => attributesOf(member, value)),
    ],
  };
}

/** The members of `stage_us` are attributes of their own. */
function attributesOf(member: string, value: unknown): KeyValue[] {
  if (FIELDS.has(member)) return [];
  const [name = `countersign.${member}`, say] = SEMANTIC_NAMES.get(member) ?? [];
  if (typeof value === 'string') return [text(name, say === undefined ? value : say(value))];
  if (typeof value === 'boolean') return [{ key: name, value: { boolValue: value } }];
  if (Number.isSafeInteger(value)) return [integer(name, value as number)];
  if (typeof value === 'number') return [{ key: name, value: { doubleValue: value } }];
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return [text(name, JSON.stringify(value))];
  return Object.entries(value).flatMap(([inner, each]) =>
    Number.isSafeInteger(each) ? [integer(`${name}.${inner}`, each as number)] : [],
  );
}

function text(key: string, value: string): KeyValue {
  return { key, value: { stringValue: value } };
}

/** 64-bit integers are texts in the JSON of Protocol Buffers. */
function integer(key: string, value: number): KeyValue {
  return { key, value: { intValue: String(value) } };
}

function nanoseconds(milliseconds: number): string {
  return `${Math.floor(milliseconds)}000000`;
}
