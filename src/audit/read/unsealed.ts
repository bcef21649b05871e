/** What lies in the write-ahead files of a log and is in no checkpoint yet. Nothing vouches for it. */
import { opendirSync } from 'node:fs';
import { join } from 'node:path';
import { memberOf } from '../../json/member-of.js';
import { parseWriteAheadName } from '../log/directory.js';
import { FRAME_HEAD_BYTES, scanFrame } from '../log/frames.js';
import type { LogDirectory } from './log-directory.js';

/** The files of one owner are few; a hostile directory may have any number. */
const MAX_FILES = 256;
const MAX_STATE_BYTES = 1_048_576;
const MAX_WRITE_AHEAD_BYTES = 64 * 1_048_576;
const SEQUENCER = '.sequencer';

/** Record lines in the order of their files. Throws `LogFileError`. */
export function* unsealedRecords(directory: LogDirectory): Generator<string> {
  const sealed = sealedBytes(directory);
  for (const name of writeAheadFiles(directory)) {
    // What is read shares its memory with the next file, so the lines are taken out of it first.
    const bytes = directory.file(`${SEQUENCER}/${name}`, MAX_WRITE_AHEAD_BYTES);
    if (bytes !== undefined) yield* linesOf(bytes, sealed.get(name) ?? 0);
  }
}

function linesOf(bytes: Buffer, sealed: number): string[] {
  const lines: string[] = [];
  for (let at = sealed; at + FRAME_HEAD_BYTES <= bytes.length;) {
    const scanned = scanFrame(bytes, at);
    if (scanned.kind !== 'frame') break;
    if (scanned.frame.kind === 'R')
      lines.push(
        ...scanned.frame.payload
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== ''),
      );
    at += scanned.bytes;
  }
  return lines;
}

function writeAheadFiles({ path }: LogDirectory): string[] {
  const names: string[] = [];
  try {
    const entries = opendirSync(join(path, SEQUENCER));
    try {
      for (let seen = 0; seen < MAX_FILES; seen++) {
        const entry = entries.readSync();
        if (entry === null) break;
        if (parseWriteAheadName(entry.name) !== undefined) names.push(entry.name);
      }
    } finally {
      entries.closeSync();
    }
  } catch {
    // A copy of a log, as on a mirror, has none.
  }
  return names.sort();
}

function sealedBytes(directory: LogDirectory): ReadonlyMap<string, number> {
  const sealed = new Map<string, number>();
  try {
    const bytes = directory.file(`${SEQUENCER}/state.json`, MAX_STATE_BYTES);
    const pairs = memberOf(JSON.parse(bytes?.toString('utf8') ?? '{}'), 'sealed');
    for (const pair of Array.isArray(pairs) ? (pairs as unknown[]) : [])
      if (Array.isArray(pair) && typeof pair[0] === 'string' && Number.isSafeInteger(pair[1]))
        sealed.set(pair[0], Math.max(0, pair[1] as number));
  } catch {
    // Without it everything counts as unsealed: it is told of, and not believed.
  }
  return sealed;
}
