/** Stage timings of one check, for the record and the latency metric. */
export class StageTimer {
  readonly #monotonicMs: () => number;
  readonly #startMs: number;
  readonly #stages: string[] = [];
  readonly #milliseconds: number[] = [];
  #lastMs: number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#startMs = monotonicMs();
    this.#lastMs = this.#startMs;
  }

  /** Ends a stage: what has passed since the mark before belongs to it. */
  mark(stage: string): void {
    const now = this.#monotonicMs();
    this.#stages.push(stage);
    this.#milliseconds.push(now - this.#lastMs);
    this.#lastMs = now;
  }

  /** Visits each stage with its milliseconds, in the order of the marks. */
  each(visit: (stage: string, milliseconds: number) => void): void {
    for (let at = 0; at < this.#stages.length; at++)
      visit(this.#stages[at] ?? '', this.#milliseconds[at] ?? 0);
  }

  /** From the start to the last mark. */
  totalMilliseconds(): number {
    return this.#lastMs - this.#startMs;
  }
}
