/** Which files of a log a mirror needs, in the order in which they are written: a reader never finds a hash without its record. */
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { hashesOfLevel, partialTilesOf, type LogFile } from '../../tlog/tile-paths.js';

/** The levels that have a full tile in a tree of at most 2^53 records. */
const MAX_LEVELS = 7;

/** The full bundles that a tree of `to` records has and one of `from` does not. */
export function* fullBundles(from: number, to: number): Generator<LogFile> {
  for (let index = Math.floor(from / TILE_WIDTH); index < Math.floor(to / TILE_WIDTH); index += 1)
    yield { kind: 'entries', index, width: TILE_WIDTH };
}

/** The full tiles that a tree of `to` records has and one of `from` does not, lowest level first. */
export function* fullTiles(from: number, to: number): Generator<LogFile> {
  for (let level = 0; level < MAX_LEVELS; level += 1) {
    const [first, end] = [from, to].map((size) => Math.floor(hashesOfLevel(size, level) / TILE_WIDTH));
    for (let index = first ?? 0; index < (end ?? 0); index += 1)
      yield { kind: 'tile', level, index, width: TILE_WIDTH };
  }
}

/** The partial bundle that a tree of this size ends in. */
export function* partialBundle(size: number): Generator<LogFile> {
  const width = size % TILE_WIDTH;
  if (width > 0) yield { kind: 'entries', index: Math.floor(size / TILE_WIDTH), width };
}

/** The partial tiles that a tree of this size ends in. */
export function* partialTiles(size: number): Generator<LogFile> {
  for (const tile of partialTilesOf(size)) yield { kind: 'tile', ...tile };
}
