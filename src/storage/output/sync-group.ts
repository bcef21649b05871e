/**
 * What is written and not on the disk yet. One sync is under way at a time, and what comes meanwhile goes with the next
 * one: at load, that is one wait of the disk for many.
 */

/** What becomes of those that one sync was for. */
export interface SyncListeners<T> {
  readonly onSynced: (items: readonly T[]) => void;
  /** They may be on the disk or not, and no later sync tells. */
  readonly onFailed: (items: readonly T[], error: Error) => void;
}

export class SyncGroup<T> {
  readonly #sync: () => Promise<void>;
  readonly #listeners: SyncListeners<T>;
  #waiting: T[] = [];
  #underWay: readonly T[] = [];
  #running: Promise<void> | undefined;

  constructor(sync: () => Promise<void>, listeners: SyncListeners<T>) {
    this.#sync = sync;
    this.#listeners = listeners;
  }

  /** Not on the disk yet. */
  get size(): number {
    return this.#waiting.length + this.#underWay.length;
  }

  some(predicate: (item: T) => boolean): boolean {
    return this.#waiting.some(predicate) || this.#underWay.some(predicate);
  }

  /** Takes what was written just now. */
  add(items: readonly T[]): void {
    this.#waiting = this.#waiting.concat(items);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#underWay = group;
      this.#waiting = [];
      const failure = await this.#failure();
      this.#underWay = [];
      if (failure === undefined) this.#listeners.onSynced(group);
      else this.#listeners.onFailed(group, failure);
    }
    this.#running = undefined;
  }

  async #failure(): Promise<Error | undefined> {
    try {
      await this.#sync();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}
