/** Looking one request up: its decisions, the copies that name it, and what Envoy says of it. */
import { recordsOfLog } from './log-records.js';
import { findRecords, textOf, type LogRecord } from './records.js';

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
  /** Decisions on this request, and on its answer where that was signed or withheld. */
  readonly records: readonly LogRecord[];
  /** Refusals of later copies, which name this one as the first. */
  readonly copies: readonly LogRecord[];
  /** Of Envoy. */
  readonly lines: readonly LogRecord[];
  readonly hasMore: boolean;
}

/**
 * First the records, as they join our ids and Envoy's; then Envoy's lines under any of them. Throws
 * {@link UnreadableRecords} where a file cannot be read.
 */
export async function look(
  id: string,
  files: LogFiles,
  { maxBytes = Infinity, mayGoOn = () => true }: LookBounds = {},
): Promise<WhyFindings> {
  const isOfRequest = (record: LogRecord): boolean =>
    ['decision_id', 'request_id', 'claimed_request_id'].some((name) => textOf(record, name) === id);
  const isWanted = (record: LogRecord): boolean =>
    isOfRequest(record) || textOf(record, 'first_decision_id') === id;
  const audit =
    files.log === undefined
      ? await findRecords(files.audit, 'the audit log', new Set([id]), isWanted, maxBytes)
      : recordsOfLog(files.log, id, mayGoOn);
  const records = audit.records.filter(isOfRequest);
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
    copies: audit.records.filter((record) => !isOfRequest(record) && isWanted(record)),
    lines: envoy.records,
    hasMore: audit.hasMore || envoy.hasMore,
  };
}
