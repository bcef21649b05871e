/**
 * One seal: from records that lie in write-ahead files to a checkpoint that others see. In this order, each step on the
 * disk before the next begins (docs/adr/0023-commit-order-of-the-audit-log.md):
 *
 * 1. bundles and tiles, beyond what any checkpoint needs;
 * 2. the state: new checkpoint and sealed offsets, by one rename. This is the commit;
 * 3. the checkpoint for others;
 * 4. removal of what is not needed any more.
 *
 * A crash before 2 seals the same records again, over tiles that nobody was shown; a crash after it publishes what the
 * state has. So of two checkpoints that were ever seen, one extends the other.
 */
import { join } from 'node:path';
import { StorageError } from '../../storage/storage-error.js';
import { checkpointText, type Checkpoint } from '../../tlog/checkpoint.js';
import { decodeEntries, encodeEntry } from '../../tlog/entries.js';
import { hashAt, leafHash, TILE_WIDTH } from '../../tlog/merkle.js';
import { signatureLine } from '../../tlog/note.js';
import { entriesPath, tilePath, type TileName } from '../../tlog/tile-paths.js';
import { TlogError } from '../../tlog/tlog-error.js';
import { TreeEdge } from '../../tlog/tree-edge.js';
import { Collector, type Collected } from './collect.js';
import type { CommittedCheckpoint } from './companion.js';
import { logPaths, type LogPaths } from './directory.js';
import type { LogFileSystem } from './file-system.js';
import { forkFault } from './fork-fault.js';
import type { Pruner } from './prune.js';
import { encodeState, parseState, type LogState } from './state.js';
import { TileFiles, type NewTileFile } from './tile-files.js';

/** The log that is sealed, and what sealing works with. */
export interface SealerOptions {
  readonly directory: string;
  readonly origin: string;
  readonly verifierKey: string;
  /** The public half of the log's key, and what signs with it. */
  readonly publicKey: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: () => number;
  readonly fs: LogFileSystem;
  readonly pruner?: Pruner | undefined;
}

/** What a seal has done, and how the log stands. */
export interface SealResult {
  readonly committed: CommittedCheckpoint;
  readonly minimumIndex: number;
  /** Something is left that could be sealed at once. */
  readonly hasMore: boolean;
  readonly unsealedBytes: number;
  /** Losses that this seal has recorded. */
  readonly losses: number;
}

/** The end of the log in memory, as the state on the disk has it. */
interface Loaded {
  readonly bytes: Buffer;
  state: LogState;
  readonly edge: TreeEdge;
  /** Entries of the partial bundle. */
  bundle: Buffer[];
}

export class Sealer {
  readonly #options: SealerOptions;
  readonly #fs: LogFileSystem;
  readonly #paths: LogPaths;
  readonly #tiles: TileFiles;
  readonly #collector: Collector;
  /** Undefined at the start, and after anything went wrong: then the disk is asked again. */
  #loaded: Loaded | undefined;
  /** The newest checkpoint that was ever on the disk: an older one was put back, and others have seen this one. */
  #newest: Checkpoint | undefined;

  constructor(options: SealerOptions) {
    const { fs, directory, nowMs } = options;
    this.#options = options;
    this.#fs = fs;
    this.#paths = logPaths(directory);
    this.#tiles = new TileFiles(fs, directory, this.#paths.temporary);
    this.#collector = new Collector(fs, this.#paths.sequencer, nowMs);
  }

  /**
   * Seals what is there, as much as one seal takes. To be called under the log's lock. Throws `StorageError` when the
   * log cannot be gone on with, or the system's error; then nothing is sealed that anybody was told of, and the next
   * call goes on from what is on the disk.
   */
  seal(): SealResult {
    const loaded = this.#current();
    this.#loaded = undefined;
    const collected = this.#collector.collect(loaded.state.sealed);
    const pruned = this.#options.pruner?.next(loaded.state, this.#tiles);
    const records = pruned === undefined ? collected.records : [...collected.records, pruned.record];
    const minimumIndex = pruned?.minimumIndex ?? loaded.state.minimumIndex;
    const next = records.length === 0 ? loaded : this.#commit(loaded, records, collected, minimumIndex);
    this.#removeFinished(collected);
    this.#removePruned(next);
    this.#loaded = next;
    return {
      committed: committedOf(next.state),
      minimumIndex,
      hasMore: collected.hasMore,
      unsealedBytes: collected.leftBytes,
      losses: collected.losses,
    };
  }

  /** Throws what {@link seal} would throw of a log that cannot be gone on with, and publishes what it stands by. */
  judge(): void {
    this.#loaded = this.#current();
  }

  /** Adds lines to the published checkpoint, if it is of this size. To be called under the log's lock. */
  addCosignatures(size: number, lines: readonly string[]): void {
    this.#loaded = this.#current();
    const { note, checkpoint } = this.#loaded.state;
    if (checkpoint.size !== size) return;
    const published = this.#published(note) ?? note;
    const missing = lines.filter((line) => !published.includes(line));
    if (missing.length > 0) this.#publish(published + missing.join(''));
  }

  /** What is in memory, if the disk has the same and no seal was broken off; else what is on the disk, cleaned up. */
  #current(): Loaded {
    const bytes = this.#fs.read(this.#paths.state);
    if (bytes === undefined)
      throw new StorageError(
        `${this.#paths.state} is missing, though there was a log in ${this.#options.directory}: put the whole directory back, or name another one for a log of its own`,
      );
    const isBrokenOff = this.#fs.stat(this.#paths.sealing) !== undefined;
    if (this.#loaded?.bytes.equals(bytes) === true && !isBrokenOff) return this.#loaded;
    const loaded = this.#load(bytes);
    this.#refuseForks(loaded.state);
    this.#newest = loaded.state.checkpoint;
    this.#tiles.removeBeyond(loaded.state.checkpoint.size);
    this.#fs.syncDirectory(this.#paths.sequencer);
    if (this.#published(loaded.state.note) === undefined) this.#publish(loaded.state.note);
    if (isBrokenOff) this.#fs.remove(this.#paths.sealing);
    return loaded;
  }

  /** Throws `StorageError` where the tiles are not those of the checkpoint. */
  #load(bytes: Buffer): Loaded {
    const { directory, origin, verifierKey } = this.#options;
    const state = parseState(bytes, this.#paths.state);
    if (state.origin !== origin || state.verifierKey !== verifierKey)
      throw new StorageError(
        `${directory} holds the log ${state.verifierKey}, and the settings name ${verifierKey}: name its origin and key, or another directory`,
      );
    const { size, root } = state.checkpoint;
    try {
      const edge = TreeEdge.at(size, (tile) => this.#tileOf(tile));
      if (!edge.root().equals(root)) throw this.#inconsistent('its tiles are not those of its checkpoint');
      return { bytes, state, edge, bundle: this.#partialBundle(size, edge) };
    } catch (error) {
      throw error instanceof TlogError ? this.#inconsistent(error.message) : error;
    }
  }

  #tileOf(tile: TileName): Buffer {
    const hashes = this.#tiles.tile(tile);
    if (hashes === undefined)
      throw this.#inconsistent(`${tilePath(tile.level, tile.index, tile.width)} is missing`);
    return hashes;
  }

  #partialBundle(size: number, edge: TreeEdge): Buffer[] {
    const width = size % TILE_WIDTH;
    if (width === 0) return [];
    const index = Math.floor(size / TILE_WIDTH);
    const bundle = this.#tiles.bundle(index, width);
    if (bundle === undefined) throw this.#inconsistent(`${entriesPath(index, width)} is missing`);
    const leaves = edge.partialTiles()[0]?.hashes ?? Buffer.alloc(0);
    const records = decodeEntries(bundle, width);
    if (records.some((record, at) => !leafHash(record).equals(hashAt(leaves, at))))
      throw this.#inconsistent(`${entriesPath(index, width)} holds other records than its tile`);
    return records.map(encodeEntry);
  }

  #inconsistent(what: string): StorageError {
    return new StorageError(
      `the log in ${this.#options.directory} cannot be gone on with: ${what}; put the whole directory back from a backup that is not older than its last checkpoint, or name another directory for a log of its own`,
    );
  }

  /** The published checkpoint, cosignatures included, if it is this one. */
  #published(note: string): string | undefined {
    const published = this.#fs.read(this.#paths.checkpoint)?.toString();
    return published?.startsWith(note) === true ? published : undefined;
  }

  #refuseForks(state: LogState): void {
    const published = this.#fs.read(this.#paths.checkpoint);
    const fault = forkFault(state, { published, newest: this.#newest });
    if (fault !== undefined) throw this.#inconsistent(fault);
  }

  #commit(loaded: Loaded, records: readonly Buffer[], collected: Collected, minimumIndex: number): Loaded {
    this.#fs.touch(this.#paths.sealing);
    const files = append(loaded, records);
    this.#tiles.writeSynced(files);
    const { edge, bundle } = loaded;
    const { origin, nowMs } = this.#options;
    const checkpoint = { origin, size: edge.size, root: edge.root() };
    const state: LogState = {
      ...loaded.state,
      note: this.#signed(checkpointText(checkpoint)),
      checkpoint,
      committedAtMs: nowMs(),
      minimumIndex,
      sealed: collected.sealed,
    };
    const bytes = encodeState(state);
    this.#fs.writeSynced(this.#paths.temporary, bytes);
    this.#fs.rename(this.#paths.temporary, this.#paths.state);
    this.#newest = checkpoint;
    this.#fs.syncDirectory(this.#paths.sequencer);
    this.#publish(state.note);
    this.#tiles.removePartials(files);
    this.#fs.remove(this.#paths.sealing);
    return { bytes, state, edge, bundle };
  }

  #signed(text: string): string {
    const { origin, publicKey, sign } = this.#options;
    return `${text}\n${signatureLine(text, origin, publicKey, sign)}`;
  }

  #publish(note: string): void {
    this.#fs.writeSynced(this.#paths.temporary, Buffer.from(note));
    this.#fs.rename(this.#paths.temporary, this.#paths.checkpoint);
  }

  /** A file that has grown since is kept. Their names are gone from the disk before the state forgets them. */
  #removeFinished({ finished, sealed }: Collected): void {
    let isRemoved = false;
    for (const name of finished) {
      const path = join(this.#paths.sequencer, name);
      if ((this.#fs.stat(path)?.bytes ?? 0) > (sealed.get(name) ?? 0)) continue;
      this.#fs.remove(path);
      isRemoved = true;
    }
    if (isRemoved) this.#fs.syncDirectory(this.#paths.sequencer);
  }

  /** How far that went is remembered with the next commit. */
  #removePruned(loaded: Loaded): void {
    const { minimumIndex, removedIndex } = loaded.state;
    if (removedIndex === minimumIndex) return;
    this.#tiles.removeBelow(removedIndex, minimumIndex);
    loaded.state = { ...loaded.state, removedIndex: minimumIndex };
  }
}

/** Appends records to the end of the log in memory, and gives the files that change by it. */
function append(loaded: Loaded, records: readonly Buffer[]): NewTileFile[] {
  const files: NewTileFile[] = [];
  for (const record of records) {
    loaded.bundle.push(encodeEntry(record));
    for (const { level, index, hashes } of loaded.edge.append(leafHash(record))) {
      files.push({ path: tilePath(level, index), bytes: hashes });
      if (level > 0) continue;
      files.push({ path: entriesPath(index), bytes: Buffer.concat(loaded.bundle) });
      loaded.bundle = [];
    }
  }
  const { size } = loaded.edge;
  if (loaded.bundle.length > 0) {
    const path = entriesPath(Math.floor(size / TILE_WIDTH), loaded.bundle.length);
    files.push({ path, bytes: Buffer.concat(loaded.bundle) });
  }
  for (const { level, index, width, hashes } of loaded.edge.partialTiles())
    files.push({ path: tilePath(level, index, width), bytes: hashes });
  return files;
}

function committedOf({ note, checkpoint, committedAtMs }: LogState): CommittedCheckpoint {
  const { origin, size, root } = checkpoint;
  return { note, origin, size, root: Buffer.from(root), committedAtMs };
}
