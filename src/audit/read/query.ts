/**
 * The records of a log that somebody asks for, in the order of the log or from its end, one bundle in memory at a time. The index, where there is one,
 * only leaves out bundles; what is told comes from the bundles.
 */
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { entriesPath } from '../../tlog/tile-paths.js';
import { SEGMENT_BUNDLES } from './index-segment.js';
import { LogFileError } from './log-directory.js';
import type { LogIndex } from './log-index.js';
import type { OpenedLog } from './opened-log.js';
import { matches, parseRecord, screenOf, type LogRecord, type RecordFilter } from './record-filter.js';

/** A record with its place in the log. */
export interface FoundRecord {
  readonly index: number;
  readonly bytes: Buffer;
  readonly record: LogRecord;
}

/** What a bundle holds of the wanted records, and all of its records. */
export interface FoundBundle {
  readonly bundle: number;
  readonly records: readonly Buffer[];
  readonly found: readonly FoundRecord[];
}

/** How a log is searched. */
export interface Search {
  readonly log: OpenedLog;
  readonly filter: RecordFilter;
  /** Default: every bundle is looked at. */
  readonly index?: LogIndex;
  /** From the newest record to the oldest, bundle by bundle. Default: false. */
  readonly isFromEnd?: boolean;
  /** Told after each bundle that was looked at, with how much of the log lies behind. */
  readonly onProgress?: (bundlesDone: number) => void;
}

/** The bundles with wanted records. Throws `LogFileError` where one is missing or damaged. */
export function* searchLog(search: Search): Generator<FoundBundle> {
  const { log, filter, isFromEnd = false } = search;
  const screen = screenOf(filter);
  let done = 0;
  for (const bundle of bundlesToRead(search)) {
    done = isFromEnd ? log.bundles - bundle : bundle + 1;
    const read = log.bundleBytes(bundle);
    if (read === undefined) requirePruned(log, bundle);
    else {
      const isLikely = screen(read.bytes);
      // What is told of outlives the next bundle; what is not is looked at all the same, as it may be damaged.
      const bytes = isLikely ? Buffer.from(read.bytes) : read.bytes;
      const records = log.decode(bundle, { ...read, bytes });
      const found = isLikely ? foundIn(bundle, records, filter, screen) : [];
      if (found.length > 0) yield { bundle, records, found };
    }
    search.onProgress?.(done);
  }
  search.onProgress?.(log.bundles);
}

function foundIn(
  bundle: number,
  records: readonly Buffer[],
  filter: RecordFilter,
  screen: (bytes: Buffer) => boolean,
): FoundRecord[] {
  return records.flatMap((bytes, at) => {
    const record = screen(bytes) ? parseRecord(bytes) : undefined;
    return record !== undefined && matches(record, filter)
      ? [{ index: bundle * TILE_WIDTH + at, bytes, record }]
      : [];
  });
}

function* bundlesToRead({ log, filter, index, isFromEnd = false }: Search): Generator<number> {
  const segments = Math.ceil(log.bundles / SEGMENT_BUNDLES);
  for (let at = 0; at < segments; at++) {
    const segment = isFromEnd ? segments - 1 - at : at;
    const bundles = index?.candidates(segment, filter) ?? bundlesOf(log, segment);
    yield* isFromEnd ? bundles.reverse() : bundles;
  }
}

function bundlesOf(log: OpenedLog, segment: number): number[] {
  const first = segment * SEGMENT_BUNDLES;
  const count = Math.min(SEGMENT_BUNDLES, log.bundles - first);
  return Array.from({ length: count }, (_, at) => first + at);
}

/** A bundle may be missing where the log was pruned: then every one before it is too. */
function requirePruned(log: OpenedLog, bundle: number): void {
  if (bundle === 0 || log.bundleBytes(bundle - 1) === undefined) return;
  throw new LogFileError(entriesPath(bundle), 'is missing, and the bundle before it is there');
}
