/**
 * A log directory as its checkpoint says it was when it was opened: what every command reads that looks for records. Nothing
 * here is verified; the directory may have grown since.
 */
import { parseCheckpoint, type Checkpoint } from '../../tlog/checkpoint.js';
import { decodeEntries } from '../../tlog/entries.js';
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { parseNote } from '../../tlog/note.js';
import { entriesPath, type TileName } from '../../tlog/tile-paths.js';
import { TlogError } from '../../tlog/tlog-error.js';
import { CHECKPOINT_FILE, LogDirectory, LogFileError } from './log-directory.js';

/** Bytes of a bundle, and how many records they hold: more than are asked for where the log has grown. */
type BundleBytes = NonNullable<ReturnType<LogDirectory['bundle']>>;

/** Its methods throw `LogFileError` for a file that is there and cannot be what it should. */
export class OpenedLog {
  readonly checkpoint: Checkpoint;
  /** The published checkpoint, with its signatures, none of which is verified. */
  readonly checkpointNote: string;
  readonly #files: LogDirectory;

  private constructor(files: LogDirectory, note: string) {
    this.#files = files;
    this.checkpointNote = note;
    this.checkpoint = parseCheckpoint(parseNote(note).text);
  }

  /** Undefined where there is no checkpoint: nothing was ever sealed, or it is no log. */
  static open(directory: string): OpenedLog | undefined {
    const files = new LogDirectory(directory);
    const note = files.checkpoint();
    try {
      return note === undefined ? undefined : new OpenedLog(files, note);
    } catch (error) {
      if (error instanceof TlogError)
        throw new LogFileError(CHECKPOINT_FILE, `cannot be read: ${error.message}`);
      throw error;
    }
  }

  /**
   * Opens the log as the checkpoint of its own state says it is, if that is of the same log, goes further than the published one,
   * and its records are there; else as {@link open} does.
   */
  static openCommitted(directory: string, note: string | undefined): OpenedLog | undefined {
    const published = OpenedLog.open(directory);
    try {
      const committed = note === undefined ? undefined : new OpenedLog(new LogDirectory(directory), note);
      if (committed === undefined || committed.size <= (published?.size ?? 0)) return published;
      if (published !== undefined && published.checkpoint.origin !== committed.checkpoint.origin)
        return published;
      committed.requireEnd();
      return committed;
    } catch (error) {
      if (error instanceof TlogError || error instanceof LogFileError) return published;
      throw error;
    }
  }

  /** Throws `LogFileError` unless the newest records are there, which are never pruned: a size that somebody made up would be searched through for years. */
  requireEnd(): void {
    const last = this.bundles - 1;
    if (this.size === 0 || this.bundleBytes(last) !== undefined) return;
    throw new LogFileError(
      entriesPath(last, this.#widthOf(last)),
      `is missing, though the checkpoint counts ${this.size} records`,
    );
  }

  get directory(): string {
    return this.#files.path;
  }

  /** Records in the log. */
  get size(): number {
    return this.checkpoint.size;
  }

  /** Bundles, the last of which may be partial. */
  get bundles(): number {
    return Math.ceil(this.size / TILE_WIDTH);
  }

  /** Undefined where it was pruned, or taken away. Its memory is used again by the next call of any method. */
  bundleBytes(bundle: number): BundleBytes | undefined {
    return this.#files.bundle(bundle, this.#widthOf(bundle));
  }

  /** The records in the bytes of a bundle, which share their memory. */
  decode(bundle: number, { file, bytes, width }: BundleBytes): Buffer[] {
    try {
      return decodeEntries(bytes, width).slice(0, this.#widthOf(bundle));
    } catch (error) {
      if (error instanceof TlogError) throw new LogFileError(file, `is damaged: ${error.message}`);
      throw error;
    }
  }

  /** The hashes of a tile; undefined where it was pruned, or taken away. */
  tile(tile: TileName): Buffer | undefined {
    return this.#files.tile(tile)?.bytes;
  }

  #widthOf(bundle: number): number {
    return Math.min(TILE_WIDTH, this.size - bundle * TILE_WIDTH);
  }
}
