/** What every export has to know of a record besides its members: how grave it is, and how it ended. Pure. */
import { isIP } from 'node:net';
import { memberOf } from '../../json/member-of.js';
import { timeOf, type LogRecord } from '../read/record-filter.js';

export type Gravity = 'info' | 'warning' | 'error';
/** `unknown`: the record is not about something that could succeed, or nobody knows. */
export type Outcome = 'success' | 'failure' | 'unknown';

const GOOD_CODES: ReadonlySet<unknown> = new Set(['allow', 'would_refuse', 'pass_through', 'signed']);
/** What somebody has to look at. */
const ERROR_EVENTS: ReadonlySet<unknown> = new Set([
  'audit.lost',
  'audit.resumed',
  'access_log.gap',
  'store.fault',
  'key_source.fault',
  'configuration.refused',
]);
const OUTCOMES: ReadonlyMap<unknown, Outcome> = new Map([
  ['request.delivered', 'success'],
  ['request.undelivered', 'failure'],
  ['request.delivery_unknown', 'unknown'],
  ['envoy.refused', 'failure'],
  ['tls.failed', 'failure'],
]);

/** By the code of a decision, and else by the event. */
export function outcomeOf(record: LogRecord): Outcome {
  const code = memberOf(record, 'code');
  if (typeof code === 'string') return GOOD_CODES.has(code) ? 'success' : 'failure';
  return OUTCOMES.get(memberOf(record, 'event')) ?? 'unknown';
}

/** A refusal is a warning, also one that was let pass, and an error where it is our fault (5xx) or something was lost. */
export function gravityOf(record: LogRecord): Gravity {
  const status = memberOf(record, 'status');
  const isOurs = typeof status === 'number' && status >= 500 && memberOf(record, 'code') !== undefined;
  if (ERROR_EVENTS.has(memberOf(record, 'event')) || isOurs) return 'error';
  if (memberOf(record, 'code') === 'would_refuse') return 'warning';
  if (OUTCOMES.has(memberOf(record, 'event')) && memberOf(record, 'event') !== 'request.delivered')
    return 'warning';
  return outcomeOf(record) === 'failure' ? 'warning' : 'info';
}

/** A member that is a text. */
export function textIn(record: LogRecord, name: string): string | undefined {
  const value = memberOf(record, name);
  return typeof value === 'string' ? value : undefined;
}

/** A member that is a whole number. */
export function integerIn(record: LogRecord, name: string): number | undefined {
  const value = memberOf(record, name);
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

/** A member that is an IP address, without a zone: fields for addresses take nothing else, and Elasticsearch refuses the whole document. */
export function addressIn(record: LogRecord, name: string): string | undefined {
  const value = textIn(record, name);
  return value === undefined || isIP(value) === 0 || value.includes('%') ? undefined : value;
}

/** When it was written, Unix milliseconds; undefined where it does not say. */
export function timeIn(record: LogRecord): number | undefined {
  const timeMs = timeOf(record);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** One record on its way to another format. */
export interface ExportedRecord {
  /** Its place in the log; undefined where it comes from a plain file. */
  readonly index: number | undefined;
  /** As it was written, without a line end. */
  readonly text: string;
  readonly record: LogRecord;
}

/** Where records come from. */
export interface ExportSource {
  /** Of the log; undefined for a plain file. */
  readonly origin: string | undefined;
  /** Ours. */
  readonly version: string;
  /** Host or pod, where one is known. */
  readonly instance?: string | undefined;
}
