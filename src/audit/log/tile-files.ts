/**
 * Tiles and bundles as files. What a tree of a committed size needs is there, and what a crash has left behind beyond
 * it is removed before it can be taken for a tile of a later tree.
 */
import { dirname, join } from 'node:path';
import { HASH_BYTES, TILE_WIDTH } from '../../tlog/merkle.js';
import { entriesPath, hashesOfLevel, tilePath, type TileName } from '../../tlog/tile-paths.js';
import type { LogFileSystem } from './file-system.js';

/** A file to be written, its path relative to the log. */
export interface NewTileFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Tiles of one seal at most, at the lowest level; more than it can fill. */
export const MAX_TILES_PER_SEAL = 256;
const HIGHEST_LEVEL = 6;
const PARTIAL = /\.p\/[0-9]+$/;

export class TileFiles {
  readonly #fs: LogFileSystem;
  readonly #directory: string;
  readonly #temporary: string;
  /** Directories that are known to be there, with their names on the disk. */
  #known = new Set<string>();

  constructor(fs: LogFileSystem, directory: string, temporary: string) {
    this.#fs = fs;
    this.#directory = directory;
    this.#temporary = temporary;
  }

  /**
   * The hashes of a tile: of the full one where the partial one is gone (C2SP tlog-tiles, "Partial Tiles").
   * Undefined when neither is there.
   */
  tile({ level, index, width }: TileName): Buffer | undefined {
    const partial = this.#fs.read(join(this.#directory, tilePath(level, index, width)));
    if (partial !== undefined || width === TILE_WIDTH) return partial;
    return this.#fs.read(join(this.#directory, tilePath(level, index)))?.subarray(0, width * HASH_BYTES);
  }

  /** The bytes of a bundle of exactly this width; undefined when it is not there. */
  bundle(index: number, width: number): Buffer | undefined {
    return this.#fs.read(join(this.#directory, entriesPath(index, width)));
  }

  /** Writes all of them, and waits until they and their names are on the disk. */
  writeSynced(files: readonly NewTileFile[]): void {
    const changed = new Set<string>();
    try {
      for (const { path, bytes } of files) {
        const target = join(this.#directory, path);
        this.#makeDirectory(dirname(target), changed);
        this.#fs.writeSynced(this.#temporary, bytes);
        this.#fs.rename(this.#temporary, target);
        changed.add(dirname(target));
      }
      for (const directory of changed) this.#fs.syncDirectory(directory);
    } catch (error) {
      this.#known = new Set();
      throw error;
    }
  }

  /** Removes the partial tiles and bundles in whose place full ones are. */
  removePartials(full: readonly NewTileFile[]): void {
    for (const { path } of full)
      if (!PARTIAL.test(path)) {
        this.#known.delete(join(this.#directory, `${path}.p`));
        this.#fs.remove(join(this.#directory, `${path}.p`));
      }
  }

  /** Removes what a seal may have left that has not come to its end: all beyond a tree of this size, and replaced partial tiles. */
  removeBeyond(size: number): void {
    this.#known = new Set();
    for (let level = 0; level <= HIGHEST_LEVEL; level++) {
      const hashes = hashesOfLevel(size, level);
      const first = Math.floor(hashes / TILE_WIDTH);
      const most = Math.ceil(MAX_TILES_PER_SEAL / TILE_WIDTH ** level) + 1;
      for (let index = Math.max(0, first - most); index < first; index++) {
        this.#remove(`${tilePath(level, index)}.p`);
        if (level === 0) this.#remove(`${entriesPath(index)}.p`);
      }
      for (let index = first; index <= first + most; index++) {
        const kept = index === first ? hashes % TILE_WIDTH : 0;
        this.#removeWider(tilePath(level, index), kept);
        if (level === 0) this.#removeWider(entriesPath(index), kept);
      }
    }
  }

  #removeWider(full: string, width: number): void {
    this.#remove(full);
    if (width === 0) this.#remove(`${full}.p`);
    else
      for (const name of this.#fs.list(join(this.#directory, `${full}.p`)))
        if (Number(name) > width) this.#remove(`${full}.p/${name}`);
  }

  #remove(name: string): void {
    const path = join(this.#directory, name);
    if (this.#fs.stat(path) !== undefined) this.#fs.remove(path);
  }

  /** Removes the full tiles and bundles that end at or below the index `to`, from those that end behind `from` on. */
  removeBelow(from: number, to: number): void {
    for (let level = 0; level <= HIGHEST_LEVEL; level++) {
      const span = TILE_WIDTH ** (level + 1);
      for (let index = Math.floor(from / span); (index + 1) * span <= to; index++) {
        this.#removeWider(tilePath(level, index), 0);
        if (level === 0) this.#removeWider(entriesPath(index), 0);
      }
    }
  }

  /** Parents first; a new directory's own name is on the disk when its parent is synced. */
  #makeDirectory(path: string, changed: Set<string>): void {
    if (path === this.#directory || this.#known.has(path)) return;
    this.#makeDirectory(dirname(path), changed);
    this.#fs.makeDirectory(path);
    changed.add(dirname(path));
    this.#known.add(path);
  }
}
