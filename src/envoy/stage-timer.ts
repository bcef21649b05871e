/** Stage timings of one check, for the record and the latency metric. */
export class StageTimer {
  readonly #monotonicMs: () => number;
  readonly #startMs: number;
  readonly #stages: (readonly [stage: string, milliseconds: number])[] = [];
  #lastMs: number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#startMs = monotonicMs();
    this.#lastMs = this.#startMs;
  }

  /** Ends a stage: what has passed since the mark before belongs to it. */
  mark(stage: string): void {
    const now = this.#monotonicMs();
    this.#stages.push([stage, now - this.#lastMs]);
    this.#lastMs = now;
  }

  /** Whole microseconds by stage, in the order of the marks. */
  microseconds(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#stages.map(([stage, ms]) => [stage, Math.round(ms * 1000)]));
  }

  /** Visits each stage with its seconds, then `total`. */
  eachSeconds(visit: (stage: string, seconds: number) => void): void {
    for (const [stage, ms] of this.#stages) visit(stage, ms / 1000);
    visit('total', (this.#lastMs - this.#startMs) / 1000);
  }
}
