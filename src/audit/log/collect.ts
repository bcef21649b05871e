/**
 * What the write-ahead files hold beyond what is sealed, in the order of its times and each owner's in its own, also where
 * there is more than one seal takes.
 */
import { join } from 'node:path';
import { parseWriteAheadName, type WriteAheadName } from './directory.js';
import type { LogFileSystem } from './file-system.js';
import { scanFrame } from './frames.js';
import { lifeOf, parseOwner, thisProcess, type Owner } from './owner.js';
import { Reading, type ReadingBudget, type Source } from './reading.js';
import { mergeByTime } from './records.js';

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
/** Of one owner: a record or some more. */
const LEAST_SHARE_BYTES = 4_096;
/** A file of an owner of whom nothing is known is over when nothing has come for twice the life of a file. */
const SILENT_MILLISECONDS = 2 * 3_600_000;
const OWNER_BYTES = 1_024;

/** What was read of the files of one owner, and whether something is left in them that could be read at once. */
interface OwnersReadings {
  readonly readings: readonly Reading[];
  readonly hasMore: boolean;
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
    const owners = holdBackLater(this.#read(sources));
    const readings = owners.flatMap((owner) => owner.readings);
    const ends = new Map(sources.map(({ name, sealed: at }) => [name, at]));
    for (const { source, at } of readings) ends.set(source.name, at);
    return {
      records: mergeByTime(owners.map((owner) => owner.readings.flatMap(({ records }) => records))),
      sealed: ends,
      finished: readings.filter((reading) => reading.isFinished()).map(({ source }) => source.name),
      leftBytes: sources.reduce(
        (sum, { name, bytes }) => sum + Math.max(0, bytes - (ends.get(name) ?? 0)),
        0,
      ),
      hasMore: owners.some(({ hasMore }) => hasMore),
      losses: readings.reduce((sum, { losses }) => sum + losses, 0),
    };
  }

  /** Every owner has a share of the bytes. */
  #read(sources: readonly Source[]): OwnersReadings[] {
    const waiting = sources.filter((source) => source.bytes !== source.sealed || source.isOver);
    const byOwner = groupByOwner(waiting);
    const share = Math.max(LEAST_SHARE_BYTES, Math.ceil(MAX_BYTES / byOwner.length));
    let records = MAX_RECORDS;
    return byOwner.map((files) => {
      if (records <= 0) return { readings: [], hasMore: true };
      const read = this.#readOwner(files, { bytes: share, records });
      records -= read.readings.reduce((sum, reading) => sum + reading.records.length, 0);
      return read;
    });
  }

  /** One file after the other: a later one only when nothing is left in those before, so that an owner's records stay in their order. */
  #readOwner(files: readonly Source[], { bytes, records }: ReadingBudget): OwnersReadings {
    const readings: Reading[] = [];
    let left = { bytes, records };
    for (const source of files) {
      const reading = new Reading(this.#fs, join(this.#directory, source.name), source, this.#nowMs());
      reading.run(left);
      readings.push(reading);
      left = {
        bytes: left.bytes - Math.max(0, reading.at - source.sealed),
        records: left.records - reading.records.length,
      };
      if (reading.at < source.bytes || left.bytes <= 0 || left.records <= 0) break;
    }
    return { readings, hasMore: readings.length < files.length || readings.some(({ isCut }) => isCut) };
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

/** In the order in which they are. */
function groupByOwner(sources: readonly Source[]): Source[][] {
  const groups = new Map<string, Source[]>();
  for (const source of sources) {
    const group = groups.get(source.owner);
    if (group === undefined) groups.set(source.owner, [source]);
    else group.push(source);
  }
  return [...groups.values()];
}

/**
 * Where more than one seal takes is waiting, nobody's records are taken that are later than what is left of another's: else
 * what one process says of a request could come before what another one has said of it.
 */
function holdBackLater(owners: readonly OwnersReadings[]): OwnersReadings[] {
  const ends = owners.map(({ readings, hasMore }) =>
    hasMore ? (readings.findLast(({ records }) => records.length > 0)?.lastTimeMs() ?? Infinity) : Infinity,
  );
  const earliest = ends.reduce((least, end) => Math.min(least, end), Infinity);
  // It goes on, whatever its clock did meanwhile.
  const ahead = ends.indexOf(earliest);
  if (earliest === Infinity) return [...owners];
  return owners.map((owner, at) => (at === ahead ? owner : heldBack(owner, earliest)));
}

function heldBack({ readings, hasMore }: OwnersReadings, timeMs: number): OwnersReadings {
  const first = readings.findIndex((reading) => reading.holdBack(timeMs));
  return first < 0 ? { readings, hasMore } : { readings: readings.slice(0, first + 1), hasMore: true };
}
