/** Which records somebody wants: by time, by id, and by what stands in their fields. Pure. */
import { memberOf } from '../../json/member-of.js';

/** A parsed record. Nothing in it is believed to have any type. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** The members that may be asked for by name, and that the index knows. */
export const FILTER_FIELDS = [
  'identity',
  'claimed_identity',
  'tenant',
  'operator',
  'policy',
  'code',
  'would_refuse',
  'event',
  'nonce_hash',
] as const;
export type FilterField = (typeof FILTER_FIELDS)[number];

/**
 * The members that hold an id of a request: ours, Envoy's, that of the copy which came first, and that of a request
 * which Envoy ended by itself.
 */
export const ID_MEMBERS = ['decision_id', 'request_id', 'first_decision_id', 'claimed_request_id'] as const;
/** The term of an id in the index, whichever of the members holds it. */
export const ID_TERM = 'id';

/** All that is given has to hold. */
export interface RecordFilter {
  /** Unix milliseconds, inclusive. */
  readonly sinceMs?: number;
  /** Unix milliseconds, exclusive. */
  readonly untilMs?: number;
  /** One of these ids, in any of {@link ID_MEMBERS}. */
  readonly ids?: readonly string[];
  /** For each field the values of which a record has to have one. */
  readonly fields?: ReadonlyMap<FilterField, readonly string[]>;
}

/** The terms of a record: what the index leads to it by. */
export function termsOf(record: LogRecord): [field: string, value: string][] {
  const terms: [string, string][] = [];
  const add = (field: string, value: unknown): void => {
    if (typeof value === 'string') terms.push([field, value]);
  };
  for (const member of ID_MEMBERS) add(ID_TERM, memberOf(record, member));
  for (const field of FILTER_FIELDS) add(field, memberOf(record, field));
  return terms;
}

/** The sets of terms of each of which a record has to have one. */
export function wantedTerms({ ids, fields }: RecordFilter): [field: string, values: readonly string[]][] {
  return [...(ids === undefined ? [] : [[ID_TERM, ids] as [string, readonly string[]]]), ...(fields ?? [])];
}

/** Unix milliseconds of a record; NaN where it has no time. */
export function timeOf(record: LogRecord): number {
  const time = memberOf(record, 'time');
  return typeof time === 'string' ? Date.parse(time) : NaN;
}

/** Whether the record is wanted. */
export function matches(record: LogRecord, filter: RecordFilter): boolean {
  const { sinceMs, untilMs, ids, fields } = filter;
  if (sinceMs !== undefined && !(timeOf(record) >= sinceMs)) return false;
  if (untilMs !== undefined && !(timeOf(record) < untilMs)) return false;
  if (ids !== undefined && !ID_MEMBERS.some((member) => isOneOf(memberOf(record, member), ids))) return false;
  return [...(fields ?? [])].every(([field, values]) => isOneOf(memberOf(record, field), values));
}

function isOneOf(value: unknown, values: readonly string[]): boolean {
  return typeof value === 'string' && values.includes(value);
}

/** Undefined for what is no object. */
export function parseRecord(bytes: Buffer): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as LogRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** In JSON it stands as it is. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * A cheap look before anything is parsed: whether the bytes can hold a wanted record at all. A record is written by us,
 * who escape no plain character, so a plain value that a record has stands in its bytes.
 */
export function screenOf(filter: RecordFilter): (bytes: Buffer) => boolean {
  const groups = wantedTerms(filter)
    .filter(([, values]) => values.every((value) => PLAIN.test(value)))
    .map(([, values]) => values.map((value) => Buffer.from(`"${value}"`)));
  return (bytes) => groups.every((values) => values.some((value) => bytes.includes(value)));
}
