/** Proofs that records are in a log (C2SP tlog-proof), made of its tiles; and what such a proof says to those who trust the log's key. */
import { encodeProofFile, parseProofFile } from '../../tlog/proof-file.js';
import { inclusionProof, rootFromInclusion } from '../../tlog/proofs.js';
import { leafHash, TILE_WIDTH } from '../../tlog/merkle.js';
import { tilePath } from '../../tlog/tile-paths.js';
import { TlogError } from '../../tlog/tlog-error.js';
import { LogFileError } from './log-directory.js';
import { quorumFault, trustCheckpoint, type LogTrust, type TrustedCheckpoint } from './log-trust.js';
import type { OpenedLog } from './opened-log.js';

/** A record with the file that proves it. */
export interface ProvenRecord {
  readonly index: number;
  readonly record: Buffer;
  /** The text of the proof file; the record itself is its extra data. */
  readonly proof: string;
}

/**
 * Proves a record under the published checkpoint, whose signatures are for the reader of the proof to judge. Throws
 * `RangeError` when the log has no such record, and `LogFileError` when its files do not prove it.
 */
export async function proveRecord(log: OpenedLog, index: number): Promise<ProvenRecord> {
  const { size, root } = log.checkpoint;
  if (index >= size) throw new RangeError(`the log has ${size} records, and the first is number 0`);
  const bundle = Math.floor(index / TILE_WIDTH);
  const read = log.bundleBytes(bundle);
  // A copy: the tiles of the proof are read into the same memory.
  const record =
    read === undefined
      ? undefined
      : log.decode(bundle, { ...read, bytes: Buffer.from(read.bytes) })[index % TILE_WIDTH];
  if (read === undefined || record === undefined) throw new RangeError(`record ${index} was pruned`);
  const hashes = await inclusionProof(
    {
      tile: (tile) => {
        const found = log.tile(tile);
        if (found !== undefined) return Promise.resolve(found);
        return Promise.reject(new LogFileError(tilePath(tile.level, tile.index, tile.width), 'is missing'));
      },
    },
    index,
    size,
  );
  const worked = rootFromInclusion(leafHash(record), index, size, hashes);
  if (worked === undefined || Buffer.compare(worked, root) !== 0)
    throw new LogFileError(read.file, `has a record ${index} that the checkpoint was not made of`);
  const proof = encodeProofFile({ index, hashes, checkpoint: log.checkpointNote, extra: record });
  return { index, record, proof };
}

/** What a proof shows. */
export interface VerifiedRecord {
  readonly index: number;
  readonly record: Buffer;
  readonly checkpoint: TrustedCheckpoint;
}

/**
 * Verifies a proof file. The record is the one that is given, and else the extra data, which the proof then vouches for.
 * Throws `TlogError` when the proof shows nothing, with the reason.
 */
export function verifyRecord(text: string, given: Buffer | undefined, trust: LogTrust): VerifiedRecord {
  const { index, hashes, checkpoint: note, extra } = parseProofFile(text);
  const record = given ?? (extra === undefined ? undefined : Buffer.from(extra));
  if (record === undefined)
    throw new TlogError('the proof does not have its record with it: it has to be given');
  const checkpoint = trustCheckpoint(note, trust);
  if (trust.policy !== undefined && !checkpoint.hasQuorum)
    throw new TlogError(quorumFault(trust.policy, checkpoint.cosigners));
  const root = rootFromInclusion(leafHash(record), index, checkpoint.size, hashes);
  if (!root?.equals(checkpoint.root))
    throw new TlogError(
      `this is not record ${index} of the log: its hash does not lead to the root that is signed`,
    );
  return { index, record, checkpoint };
}
