/**
 * The right edge of a growing tree: the partial tile of each level, which is all that appending needs. At most seven
 * tiles of 8 KiB, however large the tree.
 */
import { completeSubtrees, HASH_BYTES, joinSubtrees, subtreeRoot, TILE_WIDTH } from './merkle.js';
import { hashesOfLevel, partialTilesOf, type TileName } from './tile-paths.js';
import { TlogError } from './tlog-error.js';

/** A tile with its hashes, one behind the other. */
export interface Tile extends TileName {
  readonly hashes: Buffer;
}

/** A level's partial tile, in memory of a full one. */
interface Level {
  readonly hashes: Buffer;
  width: number;
}

export class TreeEdge {
  readonly #levels: Level[] = [];
  #size = 0;

  /** The edge of a tree of this size. `hashesOf` gives the hashes of a partial tile; throws `TlogError` when it has other ones. */
  static at(size: number, hashesOf: (tile: TileName) => Buffer): TreeEdge {
    const edge = new TreeEdge();
    edge.#size = size;
    for (const tile of partialTilesOf(size)) {
      const hashes = hashesOf(tile);
      if (hashes.length !== tile.width * HASH_BYTES)
        throw new TlogError(
          `tile ${tile.index} of level ${tile.level} has ${hashes.length} bytes instead of ${tile.width * HASH_BYTES}`,
        );
      const level = edge.#level(tile.level);
      level.hashes.set(hashes);
      level.width = tile.width;
    }
    return edge;
  }

  /** Leaves of the tree. */
  get size(): number {
    return this.#size;
  }

  /** Appends a leaf's hash. Gives the tiles that it has filled, lowest level first: none, most of the time. */
  append(leaf: Uint8Array): Tile[] {
    this.#size += 1;
    const full: Tile[] = [];
    let hash = leaf;
    for (let level = 0; ; level++) {
      const { hashes, isFull } = this.#push(level, hash);
      if (!isFull) return full;
      full.push({
        level,
        index: hashesOfLevel(this.#size, level) / TILE_WIDTH - 1,
        width: TILE_WIDTH,
        hashes,
      });
      hash = subtreeRoot(hashes);
    }
  }

  /** The root of the tree. */
  root(): Buffer {
    const tops = [...this.#levels].reverse();
    return joinSubtrees(tops.flatMap(({ hashes, width }) => completeSubtrees(hashes, width)));
  }

  /** The partial tiles, lowest level first, in memory of their own. */
  partialTiles(): Tile[] {
    return partialTilesOf(this.#size).map((tile) => ({
      ...tile,
      hashes: Buffer.from(this.#level(tile.level).hashes.subarray(0, tile.width * HASH_BYTES)),
    }));
  }

  /** A full tile's hashes are in memory of their own. */
  #push(number: number, hash: Uint8Array): { readonly hashes: Buffer; readonly isFull: boolean } {
    const level = this.#level(number);
    level.hashes.set(hash, level.width * HASH_BYTES);
    level.width += 1;
    if (level.width < TILE_WIDTH) return { hashes: level.hashes, isFull: false };
    level.width = 0;
    return { hashes: Buffer.from(level.hashes), isFull: true };
  }

  #level(number: number): Level {
    while (this.#levels.length <= number)
      this.#levels.push({ hashes: Buffer.alloc(TILE_WIDTH * HASH_BYTES), width: 0 });
    const level = this.#levels[number];
    if (level === undefined) throw new RangeError(`level ${number}`);
    return level;
  }
}
