/** Finding what is known of one request: records of the audit file and lines of Envoy's access log, as streams. */
import { createReadStream, statSync } from 'node:fs';
import { unreadable } from '../config/files/read-file.js';
import { memberOf } from '../json/member-of.js';

/** One parsed line. Nothing in it is believed to have any type. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** A record or access log line is some hundred bytes; a longer line is none, and is skipped. */
const MAX_LINE_BYTES = 256 * 1024;
/** Copies of one request that are told of; there can be as many replays as somebody likes. */
export const MAX_FOUND = 50;
const CHUNK_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;

/** A file that was named could not be read; the sentence names it. */
export class UnreadableRecords extends Error {
  /** What to do about it; a phrase without a full stop. */
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'UnreadableRecords';
    this.remedy = remedy;
  }
}

/** What a search has found, and how much it looked at. */
export interface Found {
  readonly records: readonly LogRecord[];
  /** More were there than are kept. */
  readonly hasMore: boolean;
}

/**
 * The lines of the files that `isWanted`, in order. Read as streams with bounded memory; a torn last line, lines of
 * others and lines that are too long are skipped. `words`: a line that holds none of them is not parsed. Of a file that
 * is longer than `maxBytes`, the end is read.
 */
export async function findRecords(
  files: readonly string[],
  what: string,
  words: ReadonlySet<string>,
  isWanted: (record: LogRecord) => boolean,
  maxBytes = Infinity,
): Promise<Found> {
  const records: LogRecord[] = [];
  let hasMore = false;
  for (const file of files) {
    for await (const line of linesOf(file, what, maxBytes)) {
      if (![...words].some((word) => line.includes(word))) continue;
      const record = parseRecord(line);
      if (record === undefined || !isWanted(record)) continue;
      if (records.length < MAX_FOUND) records.push(record);
      else hasMore = true;
    }
  }
  return { records, hasMore };
}

/**
 * The lines of a file in bounded memory; a last one without its end too. Of one that is longer than `maxBytes`, the end. Throws
 * {@link UnreadableRecords}.
 */
export async function* linesOf(file: string, what: string, maxBytes = Infinity): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const take = (part: Buffer): void => {
    heldBytes += part.length;
    // What is over the bound is counted, and not kept.
    if (heldBytes <= MAX_LINE_BYTES) held.push(part);
  };
  const finish = (): string | undefined => {
    const line = heldBytes <= MAX_LINE_BYTES ? Buffer.concat(held).toString('utf8') : undefined;
    [held, heldBytes] = [[], 0];
    return line;
  };
  try {
    const start = Math.max(0, statSync(file).size - maxBytes);
    const stream = createReadStream(file, { start, highWaterMark: CHUNK_BYTES });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        take(chunk.subarray(start, end));
        const line = finish();
        start = end + 1;
        if (line !== undefined) yield line;
      }
      take(Buffer.from(chunk.subarray(start)));
    }
  } catch (error) {
    const { message, remedy } = unreadable(error);
    throw new UnreadableRecords(`${what}: ${file} ${message}`, remedy);
  }
  // The last line may still be being written: without its end it is only taken when it is whole JSON.
  const last = finish();
  if (last !== undefined) yield last;
}

/** Undefined for what is no object. */
export function parseRecord(line: string): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as LogRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A text of a record; undefined where there is none, or Envoy's `-`, or something else. */
export function textOf(record: LogRecord, name: string): string | undefined {
  const value = memberOf(record, name);
  return typeof value === 'string' && value !== '' && value !== '-' ? value : undefined;
}

/** A number of a record; undefined where there is none. */
export function numberOf(record: LogRecord, name: string): number | undefined {
  const value = memberOf(record, name);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
