/** How long each stage of a check or of an answer took, for its record and the latency metric. */
export class StageTimer<Stage extends string = string> {
  readonly #monotonicMs: () => number;
  readonly #startMs: number;
  readonly #stages: Stage[] = [];
  readonly #milliseconds: number[] = [];
  #lastMs: number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#startMs = monotonicMs();
    this.#lastMs = this.#startMs;
  }

  /** Ends a stage: what has passed since the mark before belongs to it. */
  mark(stage: Stage): void {
    const now = this.#monotonicMs();
    this.#stages.push(stage);
    this.#milliseconds.push(now - this.#lastMs);
    this.#lastMs = now;
  }

  /** Visits each stage with its milliseconds, in the order of the marks. */
  each(visit: (stage: Stage, milliseconds: number) => void): void {
    let at = 0;
    for (const stage of this.#stages) visit(stage, this.#milliseconds[at++] ?? 0);
  }

  /** From the start to the last mark. */
  totalMilliseconds(): number {
    return this.#lastMs - this.#startMs;
  }
}

/** What records and metrics read of it. */
export type StageTimes<Stage extends string = string> = Pick<StageTimer<Stage>, 'each' | 'totalMilliseconds'>;
