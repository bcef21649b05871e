/** Whether records are in the tree that a checkpoint is of: worked out of the records themselves, a bundle at a time. */
import { inclusionProof, rootFromInclusion } from '../../tlog/proofs.js';
import { tilePath, type TileName } from '../../tlog/tile-paths.js';
import { leafHash, TILE_WIDTH } from '../../tlog/merkle.js';
import { LogFileError } from './log-directory.js';
import type { OpenedLog } from './opened-log.js';

/**
 * Whether all records of a bundle are in the tree of the log's checkpoint, whose signature is the caller's to judge. Their
 * own hashes stand in the place of the tile of level 0, so the proof of the first covers all of them. Rejects with
 * `LogFileError` where a tile cannot be read.
 */
export async function isBundleProved(
  log: OpenedLog,
  bundle: number,
  records: readonly Buffer[],
): Promise<boolean> {
  const leaves = Buffer.concat(records.map(leafHash));
  const { size, root } = log.checkpoint;
  const first = bundle * TILE_WIDTH;
  const proof = await inclusionProof({ tile: (tile) => tileOf(log, tile, bundle, leaves) }, first, size);
  const worked = rootFromInclusion(leaves.subarray(0, 32), first, size, proof);
  return worked !== undefined && Buffer.compare(worked, root) === 0;
}

function tileOf(log: OpenedLog, tile: TileName, bundle: number, leaves: Buffer): Promise<Buffer> {
  if (tile.level === 0 && tile.index === bundle) return Promise.resolve(leaves);
  const hashes = log.tile(tile);
  if (hashes !== undefined) return Promise.resolve(hashes);
  return Promise.reject(new LogFileError(tilePath(tile.level, tile.index, tile.width), 'is missing'));
}
