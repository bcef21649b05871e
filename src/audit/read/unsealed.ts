/** What lies in the write-ahead files of a log and is in no checkpoint yet. Nothing vouches for it. */
import { opendirSync } from 'node:fs';
import { join } from 'node:path';
import { memberOf } from '../../json/member-of.js';
import { parseWriteAheadName } from '../log/directory.js';
import { FRAME_HEAD_BYTES, scanFrame } from '../log/frames.js';
import { LogDirectory } from './log-directory.js';
import { OpenedLog } from './opened-log.js';

/** The files of one owner are few; a hostile directory may have any number. */
const MAX_FILES = 256;
const MAX_STATE_BYTES = 1_048_576;
const MAX_WRITE_AHEAD_BYTES = 64 * 1_048_576;
const SEQUENCER = '.sequencer';
/** A log is sealed once a second, and reading what is not takes milliseconds. */
const MAX_LOOKS = 8;

/** A log at one moment: each of its records is in one of the two. */
export interface LogMoment {
  /** As far as the log's state says; undefined where nothing was ever sealed. */
  readonly sealed: OpenedLog | undefined;
  readonly unsealed: readonly string[];
}

/**
 * What is sealed and what is not, although the log goes on: a seal commits to its state first and publishes its checkpoint
 * then (`sealer.ts`), and what a seal has finished is removed, so what is read under a state counts if that state stands
 * afterwards. `isWanted` chooses among the unsealed lines. Throws `LogFileError`.
 */
export function logMoment(path: string, isWanted: (line: string) => boolean = () => true): LogMoment {
  const directory = new LogDirectory(path);
  for (let look = 1; ; look++) {
    const state = stateText(directory);
    const unsealed = [...linesAfter(directory, sealedBytes(state))].filter(isWanted);
    if (look < MAX_LOOKS && stateText(directory) !== state) continue;
    return { sealed: OpenedLog.openCommitted(path, noteIn(state)), unsealed };
  }
}

/** Record lines in the order of their files. Throws `LogFileError`. */
export function* unsealedRecords(directory: LogDirectory): Generator<string> {
  yield* linesAfter(directory, sealedBytes(stateText(directory)));
}

function* linesAfter(directory: LogDirectory, sealed: ReadonlyMap<string, number>): Generator<string> {
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

/** Undefined where there is none, as on a mirror, or none that can be read: then everything counts as unsealed. It is told of, and not believed. */
function stateText(directory: LogDirectory): string | undefined {
  try {
    return directory.file(`${SEQUENCER}/state.json`, MAX_STATE_BYTES)?.toString('utf8');
  } catch {
    return undefined;
  }
}

function sealedBytes(state: string | undefined): ReadonlyMap<string, number> {
  const sealed = new Map<string, number>();
  const pairs = stateMember(state, 'sealed');
  for (const pair of Array.isArray(pairs) ? (pairs as unknown[]) : [])
    if (Array.isArray(pair) && typeof pair[0] === 'string' && Number.isSafeInteger(pair[1]))
      sealed.set(pair[0], Math.max(0, pair[1] as number));
  return sealed;
}

function noteIn(state: string | undefined): string | undefined {
  const note = stateMember(state, 'checkpoint');
  return typeof note === 'string' ? note : undefined;
}

function stateMember(state: string | undefined, name: string): unknown {
  try {
    return memberOf(JSON.parse(state ?? '{}'), name);
  } catch {
    return undefined;
  }
}
