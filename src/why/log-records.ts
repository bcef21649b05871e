/** Records that are asked for in the directory of an audit log, the newest first looked at, within a time. */
import { existsSync } from 'node:fs';
import { LogFileError } from '../audit/read/log-directory.js';
import { LogIndex } from '../audit/read/log-index.js';
import { searchLog } from '../audit/read/query.js';
import { matches, wantedTerms, type RecordFilter } from '../audit/read/record-filter.js';
import { logMoment } from '../audit/read/unsealed.js';
import { MAX_FOUND, parseRecord, textOf, UnreadableRecords, type Found, type LogRecord } from './records.js';

/**
 * How many of each kind are told of. Copies and what anybody may claim are bounded for themselves, so that they cannot
 * crowd out the decision that they are about.
 */
const LIMITS = { own: MAX_FOUND, copy: MAX_FOUND, claimed: 5 };
/** Nothing is indexed here, so no chance is asked for. */
const READ_ONLY = { randomSeed: (): number => 0 };

/**
 * What is not sealed yet, then the log from its end; given in the order in which it was written. `mayGoOn` is asked
 * between bundles: where it says no, what lies before is not looked at, and `hasMore` is true. Nothing is verified. Throws
 * {@link UnreadableRecords} for a damaged file.
 */
export function recordsOfLog(directory: string, filter: RecordFilter, mayGoOn: () => boolean): Found {
  if (!existsSync(directory)) return { records: [], hasMore: false };
  try {
    const found = [...newestFirst(directory, filter, mayGoOn)];
    const records = found.filter((record) => record !== undefined);
    return { records: records.reverse(), hasMore: records.length < found.length };
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    throw new UnreadableRecords(
      `the audit log: ${directory}: the file ${error.file} ${error.message}`,
      'run countersign audit verify on it, and take the file from a mirror',
    );
  }
}

/** As many of each kind as are told of; undefined stands for what is left out or was not looked at. */
function* newestFirst(
  directory: string,
  filter: RecordFilter,
  mayGoOn: () => boolean,
): Generator<LogRecord | undefined> {
  const left = { ...LIMITS };
  for (const record of allNewestFirst(directory, filter, mayGoOn)) {
    const kind = record === undefined ? 'own' : kindOf(record, filter);
    if (left[kind] === 0) yield undefined;
    if (left[kind] > 0) yield record;
    left[kind] -= 1;
    if (kind === 'own' && left.own < 0) return;
  }
}

/** What is not sealed yet, then the log from its end; undefined where the time is over. */
function* allNewestFirst(
  directory: string,
  filter: RecordFilter,
  mayGoOn: () => boolean,
): Generator<LogRecord | undefined> {
  const terms = wantedTerms(filter);
  // Most lines need not be parsed.
  const isLikely = (line: string): boolean =>
    terms.every(([, values]) => values.some((value) => line.includes(value)));
  const { sealed: log, unsealed } = logMoment(directory, isLikely);
  yield* unsealed
    .toReversed()
    .map(parseRecord)
    .filter((record) => record !== undefined && matches(record, filter));
  if (log === undefined) return;
  const search = { log, filter, index: new LogIndex(log, READ_ONLY), isFromEnd: true };
  const onProgress = (): void => {
    if (!mayGoOn()) throw OUT_OF_TIME;
  };
  try {
    for (const { found } of searchLog({ ...search, onProgress }))
      yield* [...found].reverse().map(({ record }) => record);
  } catch (error) {
    if (error !== OUT_OF_TIME) throw error;
    yield undefined;
  }
}

function kindOf(record: LogRecord, { ids }: RecordFilter): keyof typeof LIMITS {
  const has = (name: string): boolean => ids?.includes(textOf(record, name) ?? '') === true;
  if (ids === undefined || has('decision_id') || has('request_id')) return 'own';
  return has('claimed_request_id') ? 'claimed' : 'copy';
}

const OUT_OF_TIME = new Error('the time for the search is over');
