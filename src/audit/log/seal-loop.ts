/**
 * When it is sealed: at once as long as there is more, and otherwise in time for every record to be in a checkpoint
 * within a second. A seal that fails is tried again as often; what was to be sealed waits in its files.
 */
import type { WriteLock } from '../../storage/lmdb/write-lock.js';
import type { CommittedCheckpoint } from './companion.js';
import type { SealResult, Sealer } from './sealer.js';

export interface SealLoopOptions {
  readonly sealer: Pick<Sealer, 'seal'>;
  readonly lock: WriteLock;
  readonly onCommitted: (checkpoint: CommittedCheckpoint) => void;
  /** After every try. */
  readonly onTried: (standing: Standing) => void;
}

/** How the log stands after a try to seal. */
export interface Standing {
  /** Of the last one that was successful; undefined before the first. */
  readonly result: SealResult | undefined;
  readonly losses: number;
  readonly fault: string | undefined;
}

/** From begin to begin, with room for a seal within the second. */
const SEAL_EVERY_MILLISECONDS = 800;

export class SealLoop {
  readonly #options: SealLoopOptions;
  #timer: NodeJS.Timeout | undefined;
  #result: SealResult | undefined;
  #losses = 0;
  #isClosed = false;

  constructor(options: SealLoopOptions) {
    this.#options = options;
  }

  /** Begins; told of the last checkpoint even when nothing is new. */
  start(): void {
    this.#tick();
  }

  /** Seals all that is there. Throws the fault. */
  sealAll(): void {
    for (let hasMore = true; hasMore;) {
      const { result, fault } = this.#try();
      if (fault !== undefined) throw new Error(fault);
      hasMore = result?.hasMore ?? false;
    }
  }

  /** No more seals by themselves. */
  stop(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #tick(): void {
    const { result, fault } = this.#try();
    const isBehind = fault === undefined && result?.hasMore === true;
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.#tick(), isBehind ? 0 : SEAL_EVERY_MILLISECONDS);
  }

  #try(): Standing {
    const before = this.#result?.committed.note;
    let fault: string | undefined;
    try {
      const result = this.#options.lock.hold(() => this.#options.sealer.seal());
      this.#losses += result.losses;
      this.#result = result;
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    const standing = { result: this.#result, losses: this.#losses, fault };
    const committed = this.#result?.committed;
    if (committed !== undefined && committed.note !== before) this.#options.onCommitted(committed);
    this.#options.onTried(standing);
    return standing;
  }
}
