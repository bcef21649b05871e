/** Records about one request in the directory of an audit log, the newest first looked at, within a time. */
import { existsSync } from 'node:fs';
import { LogDirectory, LogFileError } from '../audit/read/log-directory.js';
import { LogIndex } from '../audit/read/log-index.js';
import { OpenedLog } from '../audit/read/opened-log.js';
import { searchLog } from '../audit/read/query.js';
import { unsealedRecords } from '../audit/read/unsealed.js';
import { MAX_FOUND, parseRecord, UnreadableRecords, type Found, type LogRecord } from './records.js';

/** Nothing is indexed here, so no chance is asked for. */
const READ_ONLY = { randomSeed: (): number => 0 };

/**
 * What is not sealed yet, then the log from its end; given in the order in which it was written. `mayGoOn` is asked
 * between bundles: where it says no, what lies before is not looked at, and `hasMore` is true. Nothing is verified. Throws
 * {@link UnreadableRecords} for a damaged file.
 */
export function recordsOfLog(directory: string, id: string, mayGoOn: () => boolean): Found {
  if (!existsSync(directory)) return { records: [], hasMore: false };
  try {
    const found = [...newestFirst(directory, id, mayGoOn)];
    const records = found.filter((record) => record !== undefined).slice(0, MAX_FOUND);
    return { records: records.reverse(), hasMore: records.length < found.length };
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    throw new UnreadableRecords(
      `the audit log: ${directory}: the file ${error.file} ${error.message}`,
      'run countersign audit verify on it, and take the file from a mirror',
    );
  }
}

/** Undefined stands for what was not looked at. */
function* newestFirst(
  directory: string,
  id: string,
  mayGoOn: () => boolean,
): Generator<LogRecord | undefined> {
  const unsealed = [...unsealedRecords(new LogDirectory(directory))].filter((line) => line.includes(id));
  for (const line of unsealed.reverse()) {
    const record = parseRecord(line);
    if (record !== undefined) yield record;
  }
  const log = OpenedLog.open(directory);
  if (log === undefined) return;
  let count = 0;
  const search = { log, filter: { ids: [id] }, index: new LogIndex(log, READ_ONLY), isFromEnd: true };
  const onProgress = (): void => {
    if (!mayGoOn()) throw OUT_OF_TIME;
  };
  try {
    for (const { found } of searchLog({ ...search, onProgress }))
      for (const { record } of [...found].reverse()) {
        yield record;
        if (++count > MAX_FOUND) return;
      }
  } catch (error) {
    if (error !== OUT_OF_TIME) throw error;
    yield undefined;
  }
}

const OUT_OF_TIME = new Error('the time for the search is over');
