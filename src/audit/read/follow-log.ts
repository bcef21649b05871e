/** The records of a log one after the other, as far as its checkpoint goes, and on when it is published anew. */
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { OpenedLog } from './opened-log.js';

/** A run of records, or of places where none is any more. */
export interface ReadRun {
  readonly index: number;
  /** Undefined: from `index` to `end` (exclusive) the log was pruned. */
  readonly records: readonly Buffer[] | undefined;
  readonly end: number;
}

/** The records from `from` to `to` (exclusive), a bundle at a time. Throws `LogFileError`. */
export function* readRecords(log: OpenedLog, from: number, to: number): Generator<ReadRun> {
  for (let index = from; index < to;) {
    const bundle = Math.floor(index / TILE_WIDTH);
    const start = bundle * TILE_WIDTH;
    const end = Math.min(to, start + TILE_WIDTH);
    const read = log.bundleBytes(bundle);
    // A copy, as whoever takes the records may keep them while the next bundle is read.
    const kept = read && { ...read, bytes: Buffer.from(read.bytes) };
    const records = kept && log.decode(bundle, kept).slice(index - start, end - start);
    yield { index, records, end };
    index = end;
  }
}

/** How a log is followed. */
export interface Following {
  readonly directory: string;
  /** The first record that is wanted. */
  readonly from: number;
  /** Waits until it is worth looking again; false ends it. */
  readonly wait: () => Promise<boolean>;
}

/**
 * Records as they are sealed, for as long as somebody waits for them. A reader who is slow is behind, and holds nothing up. Throws
 * `LogFileError`, and `RangeError` when the log has become shorter than it was.
 */
export async function* followLog({ directory, from, wait }: Following): AsyncGenerator<ReadRun> {
  let index = from;
  do {
    const log = OpenedLog.open(directory);
    if (log === undefined) continue;
    if (log.size < index) throw new RangeError(`the log has ${log.size} records, and had ${index} before`);
    yield* readRecords(log, index, log.size);
    index = log.size;
  } while (await wait());
}
