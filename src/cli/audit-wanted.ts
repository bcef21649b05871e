/** The records that `audit query` and `audit export` are asked for, of a log directory or of a plain file, in bounded memory. */
import { trustCheckpoint } from '../audit/read/log-trust.js';
import type { OpenedLog } from '../audit/read/opened-log.js';
import { isBundleProved } from '../audit/read/proved.js';
import { searchLog } from '../audit/read/query.js';
import { matches, type LogRecord, type RecordFilter } from '../audit/read/record-filter.js';
import { TlogError } from '../tlog/tlog-error.js';
import { linesOf, parseRecord, UnreadableRecords } from '../why/records.js';
import { completedIndex } from './audit-index.js';
import { isDirectory, openLog, placeFault } from './audit-places.js';
import { trustOf } from './audit-trust.js';
import { CliFault, type CliWorld, ExitCode } from './command.js';
import { ProgressBar } from './progress.js';
import { filterOf, type FilterOptions } from './record-filter-options.js';

/** One wanted record. */
export interface WantedRecord {
  /** Its place in the log; undefined in a plain file. */
  readonly index: number | undefined;
  /** As it was written, without a line end. */
  readonly text: string;
  readonly record: LogRecord;
}

/** What both commands take. */
export interface WantedOptions extends FilterOptions {
  /** `--no-index` makes it false. */
  readonly index: boolean;
  readonly verify?: true;
  readonly vkey?: readonly string[];
  readonly config?: string;
}

/** Tells of batches of wanted records, in order, and stops when `take` says so. Gives how many there were. */
export async function eachWanted(
  world: CliWorld,
  place: string,
  options: WantedOptions,
  take: (records: readonly WantedRecord[]) => Promise<boolean>,
): Promise<number> {
  const { limit = Infinity } = options;
  let count = 0;
  for await (const batch of batchesOf(world, place, options)) {
    const wanted = batch.slice(0, limit - count);
    count += wanted.length;
    if (!(await take(wanted)) || count >= limit) break;
  }
  return count;
}

function batchesOf(world: CliWorld, place: string, options: WantedOptions): AsyncGenerator<WantedRecord[]> {
  return isDirectory(place)
    ? ofLog(world, place, options)
    : ofFile(place, filterOf(options), options.verify === true);
}

async function* ofLog(
  world: CliWorld,
  directory: string,
  options: WantedOptions,
): AsyncGenerator<WantedRecord[]> {
  try {
    const log = openLog(directory);
    if (options.verify === true) await requireTrusted(world, log, options);
    const index = options.index ? { index: completedIndex(world, log) } : {};
    const bar = new ProgressBar(world, 'reading the log', log.bundles);
    const onProgress = (done: number): void => bar.update(done);
    for (const { bundle, records, found } of searchLog({
      log,
      filter: filterOf(options),
      ...index,
      onProgress,
    })) {
      bar.finish();
      if (options.verify === true && !(await isBundleProved(log, bundle, records)))
        throw new CliFault(
          `${directory}: the records from ${bundle * 256} on are not those that the checkpoint was made of`,
          'run countersign audit verify on it to see what was changed',
          ExitCode.refused,
        );
      yield found.map(({ index: at, bytes, record }) => ({
        index: at,
        text: bytes.toString('utf8'),
        record,
      }));
    }
    bar.finish();
  } catch (error) {
    throw placeFault(directory, error);
  }
}

/** Throws `CliFault` unless the checkpoint is signed by a key that is trusted. */
async function requireTrusted(
  world: CliWorld,
  { directory, checkpointNote }: OpenedLog,
  { vkey, config }: WantedOptions,
): Promise<void> {
  const options = { ...(vkey && { vkey }), ...(config === undefined ? {} : { config }) };
  const trusted = await trustOf(world, options, directory);
  try {
    if (trusted !== undefined) return void trustCheckpoint(checkpointNote, trusted.trust);
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    throw new CliFault(
      `${directory}: the checkpoint: ${error.message}`,
      'give the verifier key of this log, or take its files from a mirror',
      ExitCode.refused,
    );
  }
  throw new CliFault(`${config ?? ''} has problems`, 'mend what was said of it', ExitCode.refused);
}

async function* ofFile(
  file: string,
  filter: RecordFilter,
  isToVerify: boolean,
): AsyncGenerator<WantedRecord[]> {
  if (isToVerify)
    throw new CliFault(
      `${file} is a plain file, of which nothing can be proved`,
      'name the directory of a log',
    );
  try {
    for await (const text of linesOf(file, 'the records')) {
      const record = parseRecord(text);
      if (record !== undefined && matches(record, filter)) yield [{ index: undefined, text, record }];
    }
  } catch (error) {
    if (error instanceof UnreadableRecords) throw new CliFault(error.message, error.remedy);
    throw error;
  }
}
