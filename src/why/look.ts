/** Looking one request up: its decisions, the copies that name it, what became of those before and after it, and what Envoy says of it. */
import { matches, type RecordFilter } from '../audit/read/record-filter.js';
import { isOutcome, OUTCOME_EVENTS } from './delivery-words.js';
import { recordsOfLog } from './log-records.js';
import { findRecords, textOf, type Found, type LogRecord } from './records.js';

/** Where to look; oldest first. */
export interface LogFiles {
  /** Decision records. */
  readonly audit: readonly string[];
  /** Envoy's access log. */
  readonly envoy: readonly string[];
  /** The directory of an audit log, which is looked in instead of the files of records. */
  readonly log?: string | undefined;
}

/** How long a search may go on; default: to its end. */
export interface LookBounds {
  /** Of each file, from its end. */
  readonly maxBytes?: number;
  /** Asked while the directory of a log is read. */
  readonly mayGoOn?: () => boolean;
}

/** Everything that was found about one id. */
export interface WhyFindings {
  readonly id: string;
  /** Decisions on this request, on its answer where that was signed or withheld, and what Envoy reported of it. */
  readonly records: readonly LogRecord[];
  /** Refusals of later copies, which name this one as the first. */
  readonly copies: readonly LogRecord[];
  /** Other requests with the same nonce that were let through, and what became of them: of a copy, the first one. */
  readonly sameNonce: readonly LogRecord[];
  /** Of Envoy. */
  readonly lines: readonly LogRecord[];
  readonly hasMore: boolean;
}

/** The records that a filter wants, in the order in which they were written. */
type Find = (filter: RecordFilter) => Promise<Found> | Found;

/**
 * First the records, as they join our ids and Envoy's; then Envoy's lines under any of them. Throws
 * {@link UnreadableRecords} where a file cannot be read.
 */
export async function look(id: string, files: LogFiles, bounds: LookBounds = {}): Promise<WhyFindings> {
  const { maxBytes = Infinity } = bounds;
  const find = findIn(files, bounds);
  const audit = await find({ ids: [id] });
  const isOfRequest = (record: LogRecord): boolean =>
    ['decision_id', 'request_id', 'claimed_request_id'].some((name) => textOf(record, name) === id);
  const records = audit.records.filter(isOfRequest);
  const sameNonce = await findSameNonce(records, find);
  const ids = new Set([id]);
  for (const record of records)
    for (const name of ['decision_id', 'request_id']) ids.add(textOf(record, name) ?? id);
  const isUnderAny = (line: LogRecord): boolean =>
    [textOf(line, 'decision_id'), textOf(line, 'request_id')].some(
      (name) => name !== undefined && ids.has(name),
    );
  const envoy = await findRecords(files.envoy, "Envoy's access log", ids, isUnderAny, maxBytes);
  return {
    id,
    records,
    copies: audit.records.filter((record) => !isOfRequest(record)),
    sameNonce: sameNonce.records,
    lines: envoy.records,
    hasMore: audit.hasMore || sameNonce.hasMore || envoy.hasMore,
  };
}

function findIn(files: LogFiles, { maxBytes = Infinity, mayGoOn = () => true }: LookBounds): Find {
  const { log, audit } = files;
  if (log !== undefined) return (filter) => recordsOfLog(log, filter, mayGoOn);
  return (filter) => {
    const words = new Set(filter.ids ?? filter.fields?.get('nonce_hash'));
    return findRecords(audit, 'the audit log', words, (record) => matches(record, filter), maxBytes);
  };
}

const NONE: Found = { records: [], hasMore: false };

/** Looked for where it matters: of a copy, and of a request that met nobody. */
async function findSameNonce(records: readonly LogRecord[], find: Find): Promise<Found> {
  const matters = records.some(
    (record) =>
      textOf(record, 'code') === 'replayed_nonce' || textOf(record, 'event') === 'request.undelivered',
  );
  const hashes = matters ? textsOf(records, 'nonce_hash') : [];
  if (hashes.length === 0) return NONE;
  const known = new Set(textsOf(records, 'decision_id'));
  const allowed: RecordFilter['fields'] = new Map([
    ['nonce_hash', hashes],
    ['code', ['allow', 'would_refuse']],
  ]);
  const found = await find({ fields: allowed });
  const others = found.records.filter((record) => !known.has(textOf(record, 'decision_id') ?? ''));
  const ids = textsOf(others, 'decision_id');
  if (ids.length === 0) return { ...NONE, hasMore: found.hasMore };
  const outcomes = await find({ ids, fields: new Map([['event', OUTCOME_EVENTS]]) });
  return {
    records: [...others, ...outcomes.records.filter(isOutcome)],
    hasMore: found.hasMore || outcomes.hasMore,
  };
}

function textsOf(records: readonly LogRecord[], name: string): string[] {
  return [...new Set(records.map((record) => textOf(record, name)))].filter((text) => text !== undefined);
}
