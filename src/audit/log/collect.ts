/**
 * What the write-ahead files hold beyond what is sealed. The whole frames of every file are taken; what is not whole
 * waits for its owner, and is settled once the owner cannot write any more: the whole lines of a last frame are taken,
 * and the rest is a loss.
 */
import { join } from 'node:path';
import { parseWriteAheadName, type WriteAheadName } from './directory.js';
import type { LogFileSystem } from './file-system.js';
import { FRAME_HEAD_BYTES, scanFrame } from './frames.js';
import { lifeOf, parseOwner, thisProcess, type Owner } from './owner.js';
import { lossRecord, mergeByTime, splitLines, type Loss } from './records.js';

/** What is to be sealed next. */
export interface Collected {
  /** In the order in which they are to be in the log. */
  readonly records: readonly Buffer[];
  /** Sealed bytes by file, once the records are sealed: of the files that are there. */
  readonly sealed: ReadonlyMap<string, number>;
  /** Files that can be removed, once the records are sealed. */
  readonly finished: readonly string[];
  /** Bytes that are appended and not among these records. */
  readonly leftBytes: number;
  /** Whether there was more than one seal takes. */
  readonly hasMore: boolean;
  readonly losses: number;
}

/** Bounds of one seal. A frame is taken whole, so it may be a little more. */
const MAX_BYTES = 4 * 1_048_576;
const MAX_RECORDS = 16_384;
/** A file of an owner of whom nothing is known is over when nothing has come for twice the life of a file. */
const SILENT_MILLISECONDS = 2 * 3_600_000;
const OWNER_BYTES = 1_024;

/** A file, and all that is known of its owner from before it was read. */
interface Source extends WriteAheadName {
  readonly bytes: number;
  readonly sealed: number;
  /** Its owner appends nothing more. */
  readonly isOver: boolean;
  /** Its owner has gone on to another file: what is not whole in this one was given up and told of. */
  readonly hasSuccessor: boolean;
}

export class Collector {
  readonly #fs: LogFileSystem;
  readonly #directory: string;
  readonly #nowMs: () => number;
  /** By file: who owns it does not change. */
  #owners = new Map<string, Owner>();
  readonly #ours = thisProcess();

  /** `directory` is the one that the files lie in; `nowMs` the wall clock. */
  constructor(fs: LogFileSystem, directory: string, nowMs: () => number) {
    this.#fs = fs;
    this.#directory = directory;
    this.#nowMs = nowMs;
  }

  /** Reads on where `sealed` ends. */
  collect(sealed: ReadonlyMap<string, number>): Collected {
    const sources = this.#sources(sealed);
    const waiting = sources.filter((source) => source.bytes !== source.sealed || source.isOver);
    const budget = { bytes: MAX_BYTES / Math.max(1, waiting.length), records: MAX_RECORDS };
    const readings = waiting.map((source) => {
      const reading = new Reading(this.#fs, join(this.#directory, source.name), source, this.#nowMs());
      reading.run(budget);
      budget.records -= reading.records.length;
      return reading;
    });
    const ends = new Map(sources.map(({ name, sealed: at }) => [name, at]));
    for (const { source, at } of readings) ends.set(source.name, at);
    return {
      records: mergeByTime(readings.map(({ records }) => records)),
      sealed: ends,
      finished: readings.filter((reading) => reading.isFinished()).map(({ source }) => source.name),
      leftBytes: readings.reduce((sum, { source, at }) => sum + Math.max(0, source.bytes - at), 0),
      hasMore: readings.some(({ isCut }) => isCut),
      losses: readings.reduce((sum, { losses }) => sum + losses, 0),
    };
  }

  /** Whether a file is over is asked before its length: what an owner wrote last is then within it. */
  #sources(sealed: ReadonlyMap<string, number>): Source[] {
    const names = this.#fs.list(this.#directory).map(parseWriteAheadName);
    const files = names.filter((name) => name !== undefined).sort(byOwnerAndNumber);
    const owners = new Map<string, Owner>();
    const sources = files.flatMap((file, at): Source[] => {
      const hasSuccessor = files[at + 1]?.owner === file.owner;
      const owner = this.#ownerOf(file.name);
      if (owner !== undefined) owners.set(file.name, owner);
      const life = owner === undefined ? 'unknown' : lifeOf(owner, this.#ours);
      const stat = this.#fs.stat(join(this.#directory, file.name));
      if (stat === undefined) return [];
      const isSilent = life === 'unknown' && this.#nowMs() - stat.modifiedMs > SILENT_MILLISECONDS;
      const isOver = hasSuccessor || life === 'ended' || isSilent;
      return [{ ...file, bytes: stat.bytes, sealed: sealed.get(file.name) ?? 0, isOver, hasSuccessor }];
    });
    this.#owners = owners;
    return sources;
  }

  #ownerOf(name: string): Owner | undefined {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const path = join(this.#directory, name);
    if (this.#fs.stat(path) === undefined) return undefined;
    const scanned = scanFrame(this.#fs.readAt(path, 0, OWNER_BYTES), 0);
    return scanned.kind === 'frame' && scanned.frame.kind === 'H'
      ? parseOwner(scanned.frame.payload)
      : undefined;
  }
}

function byOwnerAndNumber(a: WriteAheadName, b: WriteAheadName): number {
  if (a.owner !== b.owner) return a.owner < b.owner ? -1 : 1;
  return a.number - b.number;
}

interface Budget {
  readonly bytes: number;
  readonly records: number;
}

/** One file, read from where it is sealed. */
class Reading {
  readonly source: Source;
  readonly records: Buffer[] = [];
  /** How far it is read. */
  at: number;
  losses = 0;
  isCut = false;
  readonly #fs: LogFileSystem;
  readonly #path: string;
  readonly #nowMs: number;
  #isClosed = false;

  constructor(fs: LogFileSystem, path: string, source: Source, nowMs: number) {
    this.#fs = fs;
    this.#path = path;
    this.#nowMs = nowMs;
    this.source = source;
    this.at = source.sealed;
  }

  /** Nothing is left in it, and nothing will come. */
  isFinished(): boolean {
    return (this.source.isOver || this.#isClosed) && this.at >= this.source.bytes;
  }

  run({ bytes, records }: Budget): void {
    if (this.at > this.source.bytes) this.#truncated();
    if (this.at === this.source.bytes) return;
    let chunk = this.#fs.readAt(this.#path, this.at, Math.min(bytes, this.source.bytes - this.at));
    for (let from = 0; this.at < this.source.bytes;) {
      if (this.records.length >= records) {
        this.#cut();
        return;
      }
      const scanned = scanFrame(chunk, from);
      const isShort = chunk.length - from < this.source.bytes - this.at;
      if (scanned.kind === 'frame') {
        this.#take(scanned.frame.kind, scanned.frame.payload);
        this.at += scanned.bytes;
        from += scanned.bytes;
      } else if (isShort) {
        // One frame at least is read whole, or all that there is.
        if (from > 0) {
          this.#cut();
          return;
        }
        const needed = scanned.kind === 'incomplete' ? Math.max(scanned.needed, bytes) : Infinity;
        chunk = this.#fs.readAt(this.#path, this.at, Math.min(needed, this.source.bytes - this.at));
      } else {
        const rest = chunk.subarray(from);
        if (!this.#skip(scanned.kind, rest)) return;
        from = chunk.length - (this.source.bytes - this.at);
      }
    }
  }

  #cut(): void {
    this.isCut = true;
  }

  #take(kind: string, payload: Buffer): void {
    if (kind === 'E') this.#isClosed = true;
    if (kind === 'R') this.#lines(payload, this.at + FRAME_HEAD_BYTES);
  }

  /** Gives what follows the last newline. */
  #lines(payload: Buffer, offset: number): Buffer {
    const { lines, rest } = splitLines(payload);
    for (const line of lines)
      if (line.isRecord) this.records.push(line.bytes);
      else this.#lose('not_a_record', offset + line.offset, line.bytes);
    return rest;
  }

  /** Passes over what is no whole frame. False when it may still become one. */
  #skip(kind: 'incomplete' | 'damaged', rest: Buffer): boolean {
    const next = nextFrame(rest);
    if (next === undefined && !this.source.isOver) return false;
    const bytes = next ?? rest.length;
    const content = rest.subarray(0, bytes);
    if (kind === 'damaged' || next !== undefined) this.#lose('damaged', this.at, content);
    else if (this.source.hasSuccessor || bytes < FRAME_HEAD_BYTES) this.#lose('torn', this.at, content);
    else this.#salvage(content);
    this.at += bytes;
    return true;
  }

  /** Its owner was killed while it wrote, or the machine has lost power: whole lines are records. */
  #salvage(content: Buffer): void {
    const kind = content.toString('latin1', 0, 1);
    const payload = content.subarray(FRAME_HEAD_BYTES);
    const rest = kind === 'R' ? this.#lines(payload, this.at + FRAME_HEAD_BYTES) : payload;
    if (rest.length > 0 && kind === 'R') this.#lose('torn', this.at + content.length - rest.length, rest);
  }

  /** What is sealed is in the log; a living owner would go on below what is sealed. */
  #truncated(): void {
    const { bytes, isOver, sealed, name } = this.source;
    this.at = bytes;
    if (isOver) return;
    this.losses += 1;
    const loss: Loss = { reason: 'truncated', file: name, offset: bytes, bytes: sealed - bytes };
    this.records.push(lossRecord(this.#nowMs, loss));
  }

  #lose(reason: Loss['reason'], offset: number, content: Buffer): void {
    this.losses += 1;
    const loss = { reason, file: this.source.name, offset, bytes: content.length, content };
    this.records.push(lossRecord(this.#nowMs, loss));
  }
}

/** Where the next whole frame begins, which is at the begin of a line; undefined when there is none. */
function nextFrame(bytes: Buffer): number | undefined {
  for (let at = bytes.indexOf('\n'); at >= 0; at = bytes.indexOf('\n', at + 1))
    if (scanFrame(bytes, at + 1).kind === 'frame') return at + 1;
  return undefined;
}
