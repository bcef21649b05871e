/**
 * A log as others may see it: what its directory holds up to a checkpoint that was published. Read beside the
 * sequencer, which goes on writing meanwhile; files up to a published size never change.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCheckpoint, type Checkpoint } from '../../tlog/checkpoint.js';
import { decodeEntries, MAX_RECORD_BYTES } from '../../tlog/entries.js';
import { HASH_BYTES, TILE_WIDTH } from '../../tlog/merkle.js';
import { parseNote, verifyNote, type Note, type NoteVerifier } from '../../tlog/note.js';
import type { TileReader } from '../../tlog/proofs.js';
import { entriesPath, tileIn, tilePath, type TileName } from '../../tlog/tile-paths.js';
import { TlogError } from '../../tlog/tlog-error.js';

/** The newest checkpoint, as tlog-tiles names it. */
export const CHECKPOINT_FILE = 'checkpoint';
/** The newest checkpoint that enough witnesses have cosigned: the log may be ahead of it. */
export const WITNESSED_CHECKPOINT_FILE = 'checkpoint.witnessed';

const MAX_CHECKPOINT_BYTES = 1_048_576;
/** Of a full bundle whose records are as long as they may be. */
export const MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_RECORD_BYTES);

/** A checkpoint whose signature of the log was verified. */
export interface SealedCheckpoint extends Checkpoint {
  readonly note: Note;
}

export class SealedLog {
  readonly directory: string;
  readonly verifier: NoteVerifier;

  /** `verifier`: the log's own key, whose name is the origin. */
  constructor(directory: string, verifier: NoteVerifier) {
    this.directory = directory;
    this.verifier = verifier;
  }

  /** The checkpoint in a file of the directory; undefined when there is none. Rejects when it is not one of this log. */
  async checkpoint(file = CHECKPOINT_FILE): Promise<SealedCheckpoint | undefined> {
    const bytes = await readIfThere(join(this.directory, file), MAX_CHECKPOINT_BYTES);
    return bytes && this.verified(bytes.toString('utf8'));
  }

  /** Throws `TlogError` when the text is not a checkpoint that this log has signed. */
  verified(text: string): SealedCheckpoint {
    const note = parseNote(text);
    const checkpoint = parseCheckpoint(note.text);
    if (checkpoint.origin !== this.verifier.name || verifyNote(note, this.verifier).kind !== 'verified')
      throw new TlogError(`the checkpoint is not signed by the log ${this.verifier.name}`);
    return { ...checkpoint, note };
  }

  /**
   * The tiles of a published tree, and of every smaller one: those that the log has not published begin the larger ones.
   */
  within(size: number): TileReader {
    return {
      tile: async ({ level, index, width }) => {
        const tile = tileIn(size, level, index);
        if (tile === undefined || tile.width < width)
          throw new TlogError(`a tree of ${size} records has no ${tilePath(level, index, width)}`);
        return (await this.tile(tile)).subarray(0, width * HASH_BYTES);
      },
    };
  }

  /** The hashes of a tile. A partial one may be gone since its full tile is there, which begins with the same. */
  async tile({ level, index, width }: TileName): Promise<Buffer> {
    const full = (): Promise<Buffer | undefined> =>
      readIfThere(join(this.directory, tilePath(level, index)), TILE_WIDTH * HASH_BYTES);
    if (width === TILE_WIDTH) return there(await full(), tilePath(level, index));
    const path = tilePath(level, index, width);
    const partial = await readIfThere(join(this.directory, path), TILE_WIDTH * HASH_BYTES);
    return partial ?? there(await full(), path).subarray(0, width * HASH_BYTES);
  }

  /** The bytes of an entry bundle; of a partial one that is gone, the beginning of the full one. */
  async bundle(index: number, width: number): Promise<Buffer> {
    const full = (): Promise<Buffer | undefined> =>
      readIfThere(join(this.directory, entriesPath(index)), MAX_BUNDLE_BYTES);
    if (width === TILE_WIDTH) return there(await full(), entriesPath(index));
    const path = entriesPath(index, width);
    const partial = await readIfThere(join(this.directory, path), MAX_BUNDLE_BYTES);
    return partial ?? beginningOf(there(await full(), path), width);
  }
}

function there(bytes: Buffer | undefined, path: string): Buffer {
  if (bytes === undefined) throw new TlogError(`${path} is missing from the log's directory`);
  return bytes;
}

/** The first `width` entries of a full bundle. */
function beginningOf(bundle: Buffer, width: number): Buffer {
  const entries = decodeEntries(bundle, TILE_WIDTH);
  const bytes = entries.slice(0, width).reduce((sum, entry) => sum + 2 + entry.length, 0);
  return bundle.subarray(0, bytes);
}

async function readIfThere(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new TlogError(`${path} has ${size} bytes, more than ${maxBytes}`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
