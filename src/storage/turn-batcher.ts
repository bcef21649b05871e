/**
 * What arrives in one turn of the event loop is handled together, at the turn's end: one transaction, one write or one
 * question for all of it. At load that saves most of the cost; what comes alone waits for one turn.
 */

export interface TurnBatcherOptions<T> {
  /**
   * Handles the oldest items, in the order in which they came. False when nothing could be decided yet: the same items,
   * and what has come after them, are given again in the next turn. Must not throw.
   */
  readonly handle: (batch: readonly T[]) => boolean;
  /** Items of one batch at most; the rest waits for the next turn. Default: no bound. */
  readonly maxItems?: number;
  /** While every turn brings more, items are gathered up to so many before they are handled. Default: never. */
  readonly gatherItems?: number;
}

export class TurnBatcher<T> {
  readonly #handle: (batch: readonly T[]) => boolean;
  readonly #maxItems: number;
  readonly #gatherItems: number;
  #waiting: T[] = [];
  /** How many waited when a turn was last let pass for more to come. */
  #gathered = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor({ handle, maxItems = Infinity, gatherItems = 0 }: TurnBatcherOptions<T>) {
    this.#handle = handle;
    this.#maxItems = maxItems;
    this.#gatherItems = gatherItems;
  }

  /** Items that wait. */
  get size(): number {
    return this.#waiting.length;
  }

  add(item: T): void {
    this.#waiting.push(item);
    this.schedule();
  }

  /** Has `handle` called at the end of this turn, even with nothing. */
  schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      if (!this.#moreCome()) this.run();
      if (this.#waiting.length > 0) this.schedule();
    });
  }

  /** Handles one batch now. */
  run(): void {
    const batch = this.#waiting.slice(0, this.#maxItems);
    if (this.#handle(batch)) this.#waiting = this.#waiting.slice(batch.length);
  }

  /** Handles all that waits now, and cancels the turn that was scheduled: before closing. */
  flush(): void {
    while (this.#waiting.length > 0) this.run();
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  /** Whether this turn has brought items, and there is room for those of another one. */
  #moreCome(): boolean {
    const more = this.#waiting.length > this.#gathered && this.#waiting.length < this.#gatherItems;
    this.#gathered = more ? this.#waiting.length : 0;
    return more;
  }
}
