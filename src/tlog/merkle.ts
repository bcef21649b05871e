/**
 * The hashes of a Merkle tree (RFC 6962 §2.1), and the root of a complete subtree. A leaf and a node are hashed behind
 * different first bytes, so that neither can be taken for the other.
 */
import { sha256 } from '../crypto/engines.js';

export const HASH_BYTES = 32;
/** Hashes of a full tile (C2SP tlog-tiles): a tile has eight levels of the tree. */
export const TILE_WIDTH = 256;
export const LEVELS_PER_TILE = 8;

/** The root of a tree without leaves: the hash of nothing. */
export const EMPTY_ROOT = sha256(Buffer.alloc(0));

const LEAF_PREFIX = Buffer.from([0]);
const node = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** SHA-256(0x00 ‖ record). */
export function leafHash(record: Uint8Array): Buffer {
  return sha256(Buffer.concat([LEAF_PREFIX, record]));
}

/** SHA-256(0x01 ‖ left ‖ right), both of 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return sha256(node);
}

/** The hash at a place in hashes that lie one behind the other. Shares their memory. */
export function hashAt(hashes: Buffer, index: number): Buffer {
  return hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

/** The root of a complete subtree over `hashes`: a power of two of them, one behind the other. */
export function subtreeRoot(hashes: Buffer): Buffer {
  let count = hashes.length / HASH_BYTES;
  if (!Number.isInteger(Math.log2(count))) throw new RangeError(`${count} hashes are no complete subtree`);
  const level = Buffer.from(hashes);
  for (; count > 1; count /= 2)
    for (let pair = 0; pair < count / 2; pair++) {
      // The two hashes lie one behind the other, as a node wants them.
      node.set(level.subarray(2 * pair * HASH_BYTES, (2 * pair + 2) * HASH_BYTES), 1);
      level.set(sha256(node), pair * HASH_BYTES);
    }
  return level.subarray(0, HASH_BYTES);
}

/**
 * The roots of the complete subtrees that `width` hashes (fewer than a tile's) fall into from the left, largest first:
 * one for each bit of the width.
 */
export function completeSubtrees(hashes: Buffer, width: number): Buffer[] {
  const roots: Buffer[] = [];
  let start = 0;
  for (let size = TILE_WIDTH; size >= 1; size /= 2) {
    if ((width & size) === 0) continue;
    roots.push(subtreeRoot(hashes.subarray(start * HASH_BYTES, (start + size) * HASH_BYTES)));
    start += size;
  }
  return roots;
}

/** The root of a tree whose complete subtrees have these roots, from the left, largest first (RFC 6962 §2.1). */
export function joinSubtrees(roots: readonly Buffer[]): Buffer {
  const last = roots.at(-1);
  return last === undefined
    ? EMPTY_ROOT
    : roots.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}
