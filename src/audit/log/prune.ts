/**
 * Retention: whole bundles and tiles below a minimum index go (C2SP tlog-tiles, "Pruning"), never a record out of the
 * middle, and the tree and its roots stay what they were. What a mirror or a witness does not have yet stays.
 */
import { decodeEntries } from '../../tlog/entries.js';
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { prunedRecord, timeOf } from './records.js';
import type { LogState } from './state.js';
import type { TileFiles } from './tile-files.js';

export interface PrunerOptions {
  readonly retentionDays: number;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: () => number;
  /** Leaves that others hold for good, or the log's size where nobody else is to hold them. */
  readonly heldSize: () => number;
}

/** A new minimum index, and the record that tells of it. */
export interface Pruning {
  readonly minimumIndex: number;
  readonly record: Buffer;
}

const DAY_MS = 86_400_000;
/** After nothing more was to be pruned, it is looked again this much later. */
const LOOK_EVERY_MS = 3_600_000;
/** Bundles that one call looks at, so that sealing goes on meanwhile. */
const BUNDLES_AT_ONCE = 32;
/** Bundles that are pruned together at most: one record tells of them. */
const MOST_BUNDLES = 4_096;

export class Pruner {
  readonly #options: PrunerOptions;
  /** How far has been looked; undefined when nothing is under way. */
  #reached: number | undefined;
  #lastLookMs = -Infinity;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  /** To be asked with every seal. Undefined as long as there is nothing to prune, or it is still being looked. */
  next({ checkpoint, minimumIndex }: LogState, tiles: TileFiles): Pruning | undefined {
    const { nowMs, retentionDays, heldSize } = this.#options;
    const now = nowMs();
    if (this.#reached === undefined && Math.abs(now - this.#lastLookMs) < LOOK_EVERY_MS) return undefined;
    const most = Math.floor(Math.min(checkpoint.size, heldSize()) / TILE_WIDTH) * TILE_WIDTH;
    const least = now - retentionDays * DAY_MS;
    let reached = Math.max(this.#reached ?? 0, minimumIndex);
    let isAtEnd = false;
    for (let looked = 0; looked < BUNDLES_AT_ONCE && !isAtEnd; looked++) {
      isAtEnd = reached + TILE_WIDTH > most || !isOlder(tiles, reached / TILE_WIDTH, least);
      if (!isAtEnd) reached += TILE_WIDTH;
    }
    const isEnough = isAtEnd || (reached - minimumIndex) / TILE_WIDTH >= MOST_BUNDLES;
    this.#reached = isAtEnd ? undefined : reached;
    if (isAtEnd) this.#lastLookMs = now;
    if (!isEnough || reached === minimumIndex) return undefined;
    return { minimumIndex: reached, record: prunedRecord(now, reached, retentionDays) };
  }
}

/** Whether every record of a full bundle was made before that time. What has no time, or cannot be read, is kept. */
function isOlder(tiles: TileFiles, index: number, leastMs: number): boolean {
  try {
    const records = decodeEntries(tiles.bundle(index, TILE_WIDTH) ?? Buffer.alloc(0), TILE_WIDTH);
    return records.every((record) => (timeOf(record) ?? Infinity) < leastMs);
  } catch {
    return false;
  }
}
