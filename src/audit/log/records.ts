/** Records that the sequencer makes itself, and what a line must be to become one. They have no newline, as in a bundle. */
import { isUtf8 } from 'node:buffer';
import { sha256 } from '../../crypto/engines.js';
import { MAX_RECORD_BYTES } from '../../tlog/entries.js';

const NEWLINE = 0x0a;
const LEAST_PRINTABLE = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Something was in a write-ahead file that is not in the log. */
export interface Loss {
  /** `torn`: its end was never written. `damaged`: not what was written. `not_a_record`: no line of JSON in bounds. `truncated`: sealed bytes are gone, and what came after them may be. */
  readonly reason: 'torn' | 'damaged' | 'not_a_record' | 'truncated';
  readonly file: string;
  /** Where in the file. */
  readonly offset: number;
  readonly bytes: number;
  /** Of the bytes, where they can still be read. */
  readonly content?: Buffer;
}

export function lossRecord(nowMs: number, { reason, file, offset, bytes, content }: Loss): Buffer {
  const hash = content === undefined ? '' : `,"sha256":"${sha256(content).toString('hex')}"`;
  return Buffer.from(
    `{"time":"${new Date(nowMs).toISOString()}","event":"audit.lost","reason":"${reason}"` +
      `,"file":"${file}","offset":${offset},"bytes":${bytes}${hash}}`,
  );
}

export function prunedRecord(nowMs: number, minimumIndex: number, retentionDays: number): Buffer {
  return Buffer.from(
    `{"time":"${new Date(nowMs).toISOString()}","event":"audit.pruned","minimum_index":${minimumIndex}` +
      `,"retention_days":${retentionDays}}`,
  );
}

/** A line, newline excluded, and whether it may become a record. */
export interface Line {
  readonly bytes: Buffer;
  readonly offset: number;
  readonly isRecord: boolean;
}

/** The lines of a payload, which share its memory; `rest` is what has no newline. */
export function splitLines(payload: Buffer): { readonly lines: Line[]; readonly rest: Buffer } {
  const lines: Line[] = [];
  let start = 0;
  for (let end = payload.indexOf(NEWLINE); end >= 0; end = payload.indexOf(NEWLINE, start)) {
    const bytes = payload.subarray(start, end);
    lines.push({ bytes, offset: start, isRecord: isRecord(bytes) });
    start = end + 1;
  }
  return { lines, rest: payload.subarray(start) };
}

function isRecord(line: Buffer): boolean {
  if (line.length > MAX_RECORD_BYTES || line[0] !== OPEN || line.at(-1) !== CLOSE) return false;
  for (const byte of line) if (byte < LEAST_PRINTABLE) return false;
  return isUtf8(line);
}

/** Where the text of a time begins and ends in every record of ours. */
const TIME_START = '{"time":"'.length;
const TIME_END = TIME_START + '2026-01-01T00:00:00.000Z'.length;

/** The time of a record, Unix milliseconds; undefined when it does not begin with one. */
export function timeOf(record: Buffer): number | undefined {
  if (record.toString('latin1', 0, TIME_START) !== '{"time":"') return undefined;
  const timeMs = Date.parse(record.toString('latin1', TIME_START, TIME_END));
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Joins lists that are each in their order into one, by the text of the times where records have one: two by two, as there may be as many as records. */
export function mergeByTime(lists: readonly Buffer[][]): Buffer[] {
  let merging = lists.filter((list) => list.length > 0);
  while (merging.length > 1)
    merging = merging.flatMap((list, at) => (at % 2 === 0 ? [mergeTwo(list, merging[at + 1] ?? [])] : []));
  return merging[0] ?? [];
}

function mergeTwo(left: Buffer[], right: Buffer[]): Buffer[] {
  if (right.length === 0) return left;
  const merged: Buffer[] = [];
  let taken = 0;
  for (const record of left) {
    for (let next = right[taken]; next !== undefined && comesBefore(next, record); next = right[taken]) {
      merged.push(next);
      taken += 1;
    }
    merged.push(record);
  }
  for (const record of right.slice(taken)) merged.push(record);
  return merged;
}

function comesBefore(left: Buffer, right: Buffer): boolean {
  if (left.length < TIME_END || right.length < TIME_END) return false;
  return left.compare(right, TIME_START, TIME_END, TIME_START, TIME_END) < 0;
}
