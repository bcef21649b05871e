/**
 * A whole tree against its root, from the root down: a tile is believed when it makes the hash that its parent has for it, and a
 * record when its hash is in such a tile. So one file is at fault for each difference, and a record is known by its index.
 * Holds a tile for each level, and one bundle.
 */
import { HASH_BYTES, hashAt, LEVELS_PER_TILE, subtreeRoot, TILE_WIDTH } from '../../tlog/merkle.js';
import { tilePath, type TileName } from '../../tlog/tile-paths.js';
import { AbsentRecords } from './absent-records.js';
import { hashBundle } from './bundle-hashes.js';
import { addTileFault, judgeEdge, type TileSource } from './judge-edge.js';
import { judgeBundle } from './judge-bundle.js';
import { LogFileError, type LogDirectory } from './log-directory.js';
import type { LogFaults } from './log-fault.js';

/** What is to be verified. */
export interface TreeToVerify {
  readonly directory: LogDirectory;
  readonly size: number;
  readonly root: Buffer;
  /** Records before this one are not looked at. */
  readonly from: number;
  readonly faults: LogFaults;
  /** Called with each bundle that was right: its bytes are only valid now. */
  readonly onBundle?: (bytes: Buffer) => void;
  /** Called now and then with the number of records that were looked at. */
  readonly onProgress?: (records: number) => void;
}

/** What was found besides the faults. */
export interface VerifiedTree {
  /** Records that are as they were logged. */
  readonly verified: number;
  readonly absent: AbsentRecords;
}

const BUNDLES_PER_TURN = 64;

/** Verifies a tree; faults are added to the list. */
export async function verifyTree(tree: TreeToVerify): Promise<VerifiedTree> {
  return new TreeVerification(tree).run();
}

class TreeVerification implements TileSource {
  readonly #tree: TreeToVerify;
  readonly #absent = new AbsentRecords();
  #verified = 0;
  #bundles = 0;

  constructor(tree: TreeToVerify) {
    this.#tree = tree;
  }

  async run(): Promise<VerifiedTree> {
    const { size, root, faults } = this.#tree;
    // From the highest level down is from the first record to the last.
    for (const { tile, hashes } of judgeEdge(size, root, this, faults).reverse()) {
      if (hashes === undefined) this.#absent.add(startOf(tile), endOf(tile));
      else await this.#below(tile, hashes);
    }
    this.#tree.onProgress?.(size - this.#tree.from);
    return { verified: this.#verified, absent: this.#absent };
  }

  read(tile: TileName): Buffer | undefined {
    try {
      return this.#tree.directory.tile(tile)?.bytes;
    } catch (error) {
      this.#addUnreadable(error);
      return undefined;
    }
  }

  rebuild(tile: TileName): Buffer | undefined {
    if (tile.level === 0) return this.#leafHashes(tile);
    const hashes = Buffer.alloc(tile.width * HASH_BYTES);
    for (let at = 0; at < tile.width; at++) {
      const child = this.read(childOf(tile, at));
      if (child === undefined) return undefined;
      hashes.set(subtreeRoot(child), at * HASH_BYTES);
    }
    return hashes;
  }

  /** A tile's hashes are known: what they are the hashes of is looked at. */
  async #below(tile: TileName, hashes: Buffer): Promise<void> {
    if (tile.level === 0) return this.#records(tile, hashes);
    for (let at = 0; at < tile.width; at++) {
      const child = childOf(tile, at);
      if (endOf(child) <= this.#tree.from) continue;
      const known = this.#judgeTile(child, hashAt(hashes, at));
      if (known !== undefined) await this.#below(child, known);
    }
  }

  /** The tile's hashes, when they make its parent's hash. Else says why not, or notes that nothing is there. */
  #judgeTile(tile: TileName, expected: Buffer): Buffer | undefined {
    const read = this.read(tile);
    if (read !== undefined && subtreeRoot(read).equals(expected)) return read;
    const rebuilt = this.rebuild(tile);
    if (rebuilt !== undefined && subtreeRoot(rebuilt).equals(expected)) {
      if (read !== undefined) addTileFault(tile, false, this.#tree.faults);
      else this.#absent.addTile(tile);
      return rebuilt;
    }
    const [index, end, file] = [startOf(tile), endOf(tile), tilePath(tile.level, tile.index)];
    const parent = tilePath(tile.level + 1, Math.floor(tile.index / TILE_WIDTH));
    if (read === undefined && rebuilt === undefined) this.#absent.add(index, end);
    else
      this.#tree.faults.add(
        'rewritten',
        `the tile does not make the hash that ${parent} has for it, and neither does what lies below it: any of the records ${index} to ${end - 1} may have been changed together with it`,
        { file, index, end },
      );
    return undefined;
  }

  async #records(tile: TileName, hashes: Buffer): Promise<void> {
    const { directory, faults, onBundle, onProgress, from } = this.#tree;
    const firstIndex = startOf(tile);
    if (++this.#bundles % BUNDLES_PER_TURN === 0) {
      onProgress?.(firstIndex - from);
      await new Promise(setImmediate);
    }
    try {
      const found = directory.bundle(tile.index, tile.width);
      if (found === undefined) this.#absent.add(firstIndex, firstIndex + tile.width);
      else if (judgeBundle({ ...found, firstIndex, hashes }, faults)) {
        this.#verified += firstIndex + tile.width - Math.max(from, firstIndex);
        onBundle?.(found.bytes);
      }
    } catch (error) {
      this.#addUnreadable(error, firstIndex, firstIndex + tile.width);
    }
  }

  #leafHashes({ index, width }: TileName): Buffer | undefined {
    try {
      const found = this.#tree.directory.bundle(index, width);
      if (found === undefined) return undefined;
      const { count, isWhole, hashes } = hashBundle(found.bytes, width, found.width);
      return count === width && isWhole ? Buffer.from(hashes.subarray(0, width * HASH_BYTES)) : undefined;
    } catch (error) {
      this.#addUnreadable(error);
      return undefined;
    }
  }

  #addUnreadable(error: unknown, index?: number, end?: number): void {
    if (!(error instanceof LogFileError)) throw error;
    this.#tree.faults.addOnce('unreadable', `the file ${error.message}`, { file: error.file, index, end });
  }
}

function childOf({ level, index }: TileName, at: number): TileName {
  return { level: level - 1, index: index * TILE_WIDTH + at, width: TILE_WIDTH };
}

/** The first record below a tile. */
function startOf({ level, index }: TileName): number {
  return index * 2 ** (LEVELS_PER_TILE * (level + 1));
}

/** One past the last record below a tile. */
function endOf(tile: TileName): number {
  return startOf(tile) + tile.width * 2 ** (LEVELS_PER_TILE * tile.level);
}
