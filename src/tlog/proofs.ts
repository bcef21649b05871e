/**
 * Roots and proofs of a tree that lies in tiles (RFC 6962 §2.1.1 and §2.1.2), and what a verifier does with them: it
 * works a root out of a proof and compares it with one that was signed.
 */
import {
  completeSubtrees,
  EMPTY_ROOT,
  hashAt,
  HASH_BYTES,
  joinSubtrees,
  LEVELS_PER_TILE,
  nodeHash,
  subtreeRoot,
} from './merkle.js';
import { partialTilesOf, tileIn, type TileName } from './tile-paths.js';
import { TlogError } from './tlog-error.js';

/** Where tiles are had from. Rejects when a tile is not there; its length is judged here. */
export interface TileReader {
  tile(tile: TileName): Promise<Buffer>;
}

/** The root of a tree of `size` leaves, worked out of the partial tiles at its right edge. */
export async function rootFromTiles(reader: TileReader, size: number): Promise<Buffer> {
  const roots: Buffer[] = [];
  for (const tile of partialTilesOf(size).reverse())
    roots.push(...completeSubtrees(await readTile(reader, tile), tile.width));
  return joinSubtrees(roots);
}

/** The hashes beside the way from a leaf to the root of a tree of `size` leaves, from the leaf up. */
export async function inclusionProof(reader: TileReader, index: number, size: number): Promise<Buffer[]> {
  if (!(Number.isSafeInteger(index) && index >= 0 && index < size))
    throw new RangeError(`a tree of ${size} leaves has no leaf ${index}`);
  return pathTo(new Subtrees(reader, size), index, 0, size);
}

/** RFC 6962 §2.1.1, PATH(m, D[lo:hi]). */
async function pathTo(trees: Subtrees, index: number, lo: number, hi: number): Promise<Buffer[]> {
  if (hi - lo === 1) return [];
  const middle = lo + splitOf(hi - lo);
  return index < middle
    ? [...(await pathTo(trees, index, lo, middle)), await trees.root(middle, hi)]
    : [...(await pathTo(trees, index, middle, hi)), await trees.root(lo, middle)];
}

/** What shows that the tree of `size` leaves begins with that of `from`; nothing for an empty or the same tree. */
export async function consistencyProof(reader: TileReader, from: number, size: number): Promise<Buffer[]> {
  if (!(Number.isSafeInteger(from) && from >= 0 && from <= size))
    throw new RangeError(`a tree of ${size} leaves does not begin with one of ${from}`);
  return from === 0 ? [] : subproof(new Subtrees(reader, size), from, { lo: 0, hi: size, isKnown: true });
}

interface Span {
  readonly lo: number;
  readonly hi: number;
  /** Whether the verifier has the root of this subtree already. */
  readonly isKnown: boolean;
}

/** RFC 6962 §2.1.2, SUBPROOF(m, D[lo:hi], b). */
async function subproof(trees: Subtrees, from: number, { lo, hi, isKnown }: Span): Promise<Buffer[]> {
  if (from === hi) return isKnown ? [] : [await trees.root(lo, hi)];
  const middle = lo + splitOf(hi - lo);
  return from <= middle
    ? [...(await subproof(trees, from, { lo, hi: middle, isKnown })), await trees.root(middle, hi)]
    : [...(await subproof(trees, from, { lo: middle, hi, isKnown: false })), await trees.root(lo, middle)];
}

/** The root that a leaf's hash and its proof give; undefined when the proof has not the length that it must have. */
export function rootFromInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Buffer | undefined {
  if (!(index >= 0 && index < size)) return undefined;
  let hash: Buffer = Buffer.from(leaf);
  let at = index;
  let last = size - 1;
  let used = 0;
  for (; last > 0; at = half(at), last = half(last)) {
    if (at === last && at % 2 === 0) continue;
    const sibling = proof[used++];
    if (sibling === undefined) return undefined;
    hash = at % 2 === 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  }
  return used === proof.length ? hash : undefined;
}

/** A tree's size and root. */
export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Whether the proof shows that `newer` begins with `older` (RFC 9162 §2.1.4.2). */
export function isConsistent(older: TreeHead, newer: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (older.size > newer.size) return false;
  if (older.size === newer.size) return proof.length === 0 && equal(older.root, newer.root);
  if (older.size === 0) return proof.length === 0 && equal(older.root, EMPTY_ROOT);
  const heads = headsFrom(older, newer.size, proof);
  return heads !== undefined && equal(heads[0], older.root) && equal(heads[1], newer.root);
}

function headsFrom(
  older: TreeHead,
  size: number,
  proof: readonly Uint8Array[],
): [Buffer, Buffer] | undefined {
  let at = older.size - 1;
  let last = size - 1;
  for (; at % 2 === 1; at = half(at)) last = half(last);
  const hashes = at === 0 ? [older.root, ...proof] : [...proof];
  const [first, ...rest] = hashes;
  if (first === undefined) return undefined;
  let before: Buffer = Buffer.from(first);
  let after: Buffer = Buffer.from(first);
  for (const hash of rest) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      before = nodeHash(hash, before);
      after = nodeHash(hash, after);
      for (; at % 2 === 0 && at !== 0; at = half(at)) last = half(last);
    } else after = nodeHash(after, hash);
    at = half(at);
    last = half(last);
  }
  return last === 0 ? [before, after] : undefined;
}

/** The roots of subtrees, of tiles that are read once. */
class Subtrees {
  readonly #reader: TileReader;
  readonly #size: number;
  readonly #tiles = new Map<string, Promise<Buffer>>();

  constructor(reader: TileReader, size: number) {
    this.#reader = reader;
    this.#size = size;
  }

  /** RFC 6962 §2.1, MTH(D[lo:hi]), where it is a node of the tree: `lo` is a multiple of the largest power of two below. */
  async root(lo: number, hi: number): Promise<Buffer> {
    const roots: Buffer[] = [];
    for (let start = lo; start < hi;) {
      const leaves = powerWithin(hi - start);
      roots.push(await this.#complete(start, leaves));
      start += leaves;
    }
    return joinSubtrees(roots);
  }

  async #complete(start: number, leaves: number): Promise<Buffer> {
    const level = Math.floor(Math.log2(leaves) / LEVELS_PER_TILE);
    const unit = 2 ** (LEVELS_PER_TILE * level);
    const width = leaves / unit;
    const first = start / unit;
    const tile = await this.#tile(level, Math.floor(first / 256));
    const at = (first % 256) * HASH_BYTES;
    return width === 1 ? hashAt(tile, first % 256) : subtreeRoot(tile.subarray(at, at + width * HASH_BYTES));
  }

  #tile(level: number, index: number): Promise<Buffer> {
    const tile = tileIn(this.#size, level, index);
    if (tile === undefined)
      throw new RangeError(`a tree of ${this.#size} leaves has no tile ${index} of level ${level}`);
    const name = `${level}/${index}`;
    const read = this.#tiles.get(name) ?? readTile(this.#reader, tile);
    this.#tiles.set(name, read);
    return read;
  }
}

async function readTile(reader: TileReader, tile: TileName): Promise<Buffer> {
  const hashes = await reader.tile(tile);
  if (hashes.length !== tile.width * HASH_BYTES)
    throw new TlogError(
      `tile ${tile.index} of level ${tile.level} has ${hashes.length} bytes instead of ${tile.width * HASH_BYTES}`,
    );
  return hashes;
}

/** The largest power of two below `count`, which is 2 or more. */
function splitOf(count: number): number {
  return powerWithin(count - 1);
}

/** The largest power of two up to `count`. No logarithm says it: one of 2^49 - 1 is rounded to 49. */
function powerWithin(count: number): number {
  let power = 1;
  while (power * 2 <= count) power *= 2;
  return power;
}

/** Beyond 32 bits, where shifting ends. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
