/**
 * The tiles at the right edge of a tree, which alone make its root: those of the files where they make the one that is signed,
 * and else whichever of them, worked out of what lies below, do.
 */
import { completeSubtrees, joinSubtrees } from '../../tlog/merkle.js';
import { partialTilesOf, tilePath, type TileName } from '../../tlog/tile-paths.js';
import type { LogFaults } from './log-fault.js';

/** Where the hashes of a tile come from. */
export interface TileSource {
  /** Of its file; undefined when there is none that can be read. */
  read(tile: TileName): Buffer | undefined;
  /** Of what lies below it: its records or the tiles of the next level; undefined when not all of that is there. */
  rebuild(tile: TileName): Buffer | undefined;
}

/** A tile of the edge. */
export interface EdgeTile {
  readonly tile: TileName;
  /** Undefined when they can be had in no way. */
  readonly hashes: Buffer | undefined;
}

/** The edge, lowest level first, and whether it makes the root. Adds what is wrong with its files. */
export function judgeEdge(size: number, root: Buffer, source: TileSource, faults: LogFaults): EdgeTile[] {
  const tiles = partialTilesOf(size);
  const read = tiles.map((tile) => source.read(tile));
  if (rootOf(tiles, read)?.equals(root)) return together(tiles, read);
  const rebuilt = tiles.map((tile) => source.rebuild(tile));
  // Fewest changes first, as few files as possible are called wrong.
  for (const mask of masks(tiles.length)) {
    const chosen = tiles.map((_, at) => ((mask >> at) & 1 ? rebuilt[at] : read[at]));
    if (!rootOf(tiles, chosen)?.equals(root)) continue;
    tiles.forEach((tile, at) => {
      if ((mask >> at) & 1) addTileFault(tile, read[at] === undefined, faults);
    });
    return together(tiles, chosen);
  }
  faults.add('root', 'the files make another tree than the one whose root the checkpoint signs', {
    file: 'checkpoint',
    index: 0,
    end: size,
  });
  return together(
    tiles,
    tiles.map((_, at) => read[at] ?? rebuilt[at]),
  );
}

/** The file of a tile is not what it must be, though what lies below it is. */
export function addTileFault(tile: TileName, isMissing: boolean, faults: LogFaults): void {
  const file = tilePath(tile.level, tile.index, tile.width);
  const what = isMissing ? 'the tile is missing' : 'the tile was changed';
  faults.add('tile', `${what}; the records below it are as they were logged`, { file });
}

function together(tiles: readonly TileName[], hashes: readonly (Buffer | undefined)[]): EdgeTile[] {
  return tiles.map((tile, at) => ({ tile, hashes: hashes[at] }));
}

function rootOf(tiles: readonly TileName[], hashes: readonly (Buffer | undefined)[]): Buffer | undefined {
  const roots: Buffer[] = [];
  for (let at = tiles.length - 1; at >= 0; at--) {
    const [tile, of] = [tiles[at], hashes[at]];
    if (tile === undefined || of === undefined) return undefined;
    roots.push(...completeSubtrees(of, tile.width));
  }
  return joinSubtrees(roots);
}

/** The numbers below 2^count but 0, those with the fewest bits first. */
function masks(count: number): number[] {
  const bits = (mask: number): number => mask.toString(2).replaceAll('0', '').length;
  return Array.from({ length: 2 ** count - 1 }, (_, at) => at + 1).sort((a, b) => bits(a) - bits(b));
}
