/** How far somebody else who holds the log is behind it, and what is wrong with them. */

/** One holder, as it is shown. */
export interface HolderStatus {
  /** Of a witness its name in the policy, of the mirror its address. */
  readonly name: string;
  /** The largest tree that the holder is known to have. */
  readonly size: number;
  /** Since the log first was larger than that; 0 when it is not. */
  readonly lagSeconds: number;
  /** Why the last attempt failed, in words; undefined when it did not. */
  readonly fault: string | undefined;
  /** The holder has what contradicts this log: it was restored from a backup, forked, or somebody else has its key. */
  readonly isConflict: boolean;
}

/** Keeps the account of one holder. `nowMs`: a monotonic clock. */
export class HolderAccount {
  readonly name: string;
  readonly #nowMs: () => number;
  readonly #onChange: (status: HolderStatus) => void;
  #size = 0;
  #logSize = 0;
  #aim = 0;
  #beyondAimSinceMs: number | undefined;
  #behindSinceMs: number | undefined;
  #fault: string | undefined;
  #isConflict = false;
  #failures = 0;
  #nextTryMs = 0;

  /** `onChange` is told when a fault comes, turns into another kind, or goes. */
  constructor(name: string, nowMs: () => number, onChange: (status: HolderStatus) => void) {
    this.name = name;
    this.#nowMs = nowMs;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether enough time has passed since the last failure. */
  get mayTry(): boolean {
    return this.#nowMs() >= this.#nextTryMs;
  }

  /** The next try waits no longer. */
  tryNow(): void {
    this.#nextTryMs = 0;
  }

  /** The log has this size now. */
  sees(logSize: number): void {
    this.#logSize = logSize;
    if (logSize > this.#aim) this.#beyondAimSinceMs ??= this.#nowMs();
    if (logSize > this.#size) this.#behindSinceMs ??= this.#nowMs();
  }

  /** From now on the holder is given this much of it; what the log grows meanwhile is for the next time. */
  aims(size: number): void {
    this.#aim = size;
    this.#beyondAimSinceMs = undefined;
    this.sees(this.#logSize);
  }

  /** The holder has this much of it. */
  has(size: number): void {
    this.#size = size;
    this.#behindSinceMs = size === this.#aim ? this.#beyondAimSinceMs : undefined;
    this.sees(this.#logSize);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#nextTryMs = 0;
    this.#tell(undefined, false);
  }

  /**
   * The next try comes twice as late after each failure, up to five minutes, and soon where some of it succeeded; spread,
   * so that many logs do not come back at once.
   */
  failed(fault: string, { isConflict = false, hasProgressed = false } = {}): void {
    if (hasProgressed) this.#failures = 0;
    const seconds = Math.min(MAX_PAUSE_SECONDS, 2 ** this.#failures);
    this.#failures += 1;
    this.#nextTryMs = this.#nowMs() + seconds * 1_000 * (0.75 + Math.random() / 2);
    this.#tell(fault, isConflict);
  }

  status(): HolderStatus {
    const sinceMs = this.#behindSinceMs;
    return {
      name: this.name,
      size: this.#size,
      lagSeconds: sinceMs === undefined ? 0 : Math.max(0, (this.#nowMs() - sinceMs) / 1_000),
      fault: this.#fault,
      isConflict: this.#isConflict,
    };
  }

  #tell(fault: string | undefined, isConflict: boolean): void {
    const isNew = (fault === undefined) !== (this.#fault === undefined) || isConflict !== this.#isConflict;
    this.#fault = fault;
    this.#isConflict = isConflict;
    if (isNew) this.#onChange(this.status());
  }
}

const MAX_PAUSE_SECONDS = 300;
