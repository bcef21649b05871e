/** What is not in the files of a log: as a prefix of the records it may have been pruned (C2SP tlog-tiles, "Pruning"), else it is missing. */
import { entriesPath, tilePath, type TileName } from '../../tlog/tile-paths.js';
import { TILE_WIDTH } from '../../tlog/merkle.js';
import type { LogFaults } from './log-fault.js';

interface Span {
  readonly start: number;
  end: number;
}

/** Spans that were added in ascending order. */
export class AbsentRecords {
  readonly #spans: Span[] = [];
  readonly #tiles: TileName[] = [];

  /** Neither the records from `start` to `end` (exclusive) nor what stands for them can be had. */
  add(start: number, end: number): void {
    const last = this.#spans.at(-1);
    if (last?.end === start) last.end = end;
    else this.#spans.push({ start, end });
  }

  /** The file of a tile is not there, though its records are. */
  addTile(tile: TileName): void {
    this.#tiles.push(tile);
  }

  /** The first record that is there, when those before it are all absent; else 0. */
  get firstPresent(): number {
    const [first] = this.#spans;
    return first?.start === 0 ? first.end : 0;
  }

  /** Whether nothing is absent that a minimum index does not allow. */
  isExplainedBy(minimumIndex: number): boolean {
    return this.#unexplained(minimumIndex).length + this.#tilesAbove(minimumIndex).length === 0;
  }

  /** Adds what a minimum index does not allow to be absent. */
  judge(minimumIndex: number, faults: LogFaults): void {
    for (const tile of this.#tilesAbove(minimumIndex))
      faults.add('tile', 'the tile is missing; the records below it are as they were logged', {
        file: tilePath(tile.level, tile.index, tile.width),
      });
    for (const { start, end } of this.#unexplained(minimumIndex))
      faults.add('missing', missingText(start, end, minimumIndex), {
        file: entriesPath(Math.floor(start / TILE_WIDTH)),
        index: start,
        end,
      });
  }

  /** Only what ends at or below the minimum index may be absent. */
  #unexplained(minimumIndex: number): Span[] {
    const allowed = minimumIndex - (minimumIndex % TILE_WIDTH);
    return this.#spans
      .filter(({ end }) => end > allowed)
      .map(({ start, end }) => ({ start: Math.max(start, allowed), end }));
  }

  #tilesAbove(minimumIndex: number): TileName[] {
    return this.#tiles.filter(
      ({ level, index, width }) => (index * TILE_WIDTH + width) * TILE_WIDTH ** level > minimumIndex,
    );
  }
}

function missingText(start: number, end: number, minimumIndex: number): string {
  const records = end - start === 1 ? `record ${start} is` : `records ${start} to ${end - 1} are`;
  const pruned =
    minimumIndex > 0
      ? `the log says that those before ${minimumIndex} were pruned`
      : 'nothing in the log says that they were pruned';
  return `${records} missing; ${pruned}`;
}
