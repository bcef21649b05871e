/**
 * The query index of a log directory: one file for each full tile of level 1, made when somebody asks, of the
 * records that lie there. It may be deleted at any time. What is missing, damaged or made of another log is made anew; the
 * newest records, up to 65,535, have no index and are read.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { IndexSegment, SEGMENT_BUNDLES, SegmentBuilder } from './index-segment.js';
import type { OpenedLog } from './opened-log.js';
import { parseRecord, termsOf, timeOf, wantedTerms, type RecordFilter } from './record-filter.js';

/** The folder of a log directory that holds the index. */
export const INDEX_FOLDER = '.index';

/** What the index is made with. */
export interface IndexWorld {
  /** 32 bits of chance. */
  randomSeed(): number;
}

export class LogIndex {
  readonly #log: OpenedLog;
  readonly #world: IndexWorld;
  readonly #folder: string;

  constructor(log: OpenedLog, world: IndexWorld, folder = join(log.directory, INDEX_FOLDER)) {
    this.#log = log;
    this.#world = world;
    this.#folder = folder;
  }

  /** Segments that the log can have: its full tiles of level 1. */
  get segments(): number {
    return Math.floor(this.#log.size / (TILE_WIDTH * SEGMENT_BUNDLES));
  }

  /** The segments that have no sound file. Those of which nothing is there any more have none and need none. */
  missing(): number[] {
    const missing: number[] = [];
    for (let segment = 0; segment < this.segments; segment++)
      if (this.#digest(segment) !== undefined && !this.#with(segment, () => true)) missing.push(segment);
    return missing;
  }

  /**
   * Makes the file of a segment. Throws `LogFileError` where its bundles cannot be read, and the system's error where the file
   * cannot be written.
   */
  build(segment: number): void {
    const digest = this.#digest(segment);
    if (digest === undefined) return;
    const builder = new SegmentBuilder(this.#world.randomSeed());
    for (let bundle = 0; bundle < SEGMENT_BUNDLES; bundle++) {
      const number = segment * SEGMENT_BUNDLES + bundle;
      const read = this.#log.bundleBytes(number);
      if (read !== undefined) addBundle(builder, bundle, this.#log.decode(number, read));
    }
    mkdirSync(this.#folder, { recursive: true, mode: 0o750 });
    const path = this.#path(segment);
    const temporary = `${path}.${process.pid}`;
    try {
      // Not synced: a file that was torn by a crash is noticed and made anew.
      writeFileSync(temporary, builder.encode(digest), { mode: 0o640 });
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /** The bundles of a segment that may hold a wanted record, in order; undefined where there is no sound index of it. */
  candidates(segment: number, filter: RecordFilter): number[] | undefined {
    return this.#with(segment, (index) => {
      let bundles = range(SEGMENT_BUNDLES);
      for (const [field, values] of wantedTerms(filter)) {
        const found = values.map((value) => index.bundlesWith(field, value));
        if (found.includes(undefined)) return undefined;
        const either = new Set(found.flatMap((each) => each ?? []));
        bundles = bundles.filter((bundle) => either.has(bundle));
      }
      const { sinceMs = -Infinity, untilMs = Infinity } = filter;
      if (sinceMs !== -Infinity || untilMs !== Infinity)
        bundles = bundles.filter((bundle) => index.isWithin(bundle, sinceMs, untilMs));
      return bundles.map((bundle) => segment * SEGMENT_BUNDLES + bundle);
    });
  }

  #with<Result>(segment: number, use: (index: IndexSegment) => Result): Result | undefined {
    const digest = this.#digest(segment);
    const index = digest && IndexSegment.open(this.#path(segment), digest);
    if (index === undefined) return undefined;
    try {
      return use(index);
    } finally {
      index.close();
    }
  }

  #path(segment: number): string {
    return join(this.#folder, `${segment}.idx`);
  }

  /** Undefined where the tile is not there any more, as the log was pruned. */
  #digest(segment: number): Buffer | undefined {
    const hashes = this.#log.tile({ level: 1, index: segment, width: TILE_WIDTH });
    return hashes && createHash('sha256').update(hashes).digest();
  }
}

function addBundle(builder: SegmentBuilder, bundle: number, records: readonly Buffer[]): void {
  for (const bytes of records) {
    const record = parseRecord(bytes);
    if (record === undefined) continue;
    for (const [field, value] of termsOf(record)) builder.addTerm(bundle, field, value);
    const time = timeOf(record);
    if (!Number.isNaN(time)) builder.addTime(bundle, time);
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
