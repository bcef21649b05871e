/**
 * At most N reservations in any 60 seconds, in so few bytes that a database can hold the window of every subject:
 * one count for each second. A second counts until all of it lies a minute back, so a slot is free up to one
 * second later than by the exact window of `memory.ts`, and never earlier (docs/adr/0014-rate-limit-seconds.md).
 */

/** The second that is running, and the 60 before it. */
const SECONDS = 61;
const COUNT_BYTES = 4;
const LATEST_BYTES = 8;
const WINDOW_BYTES = LATEST_BYTES + SECONDS * COUNT_BYTES;

export class RateWindow {
  readonly #bytes: Buffer;

  /** `stored`: the bytes of an earlier window; anything else is one without reservations. */
  constructor(stored?: Uint8Array) {
    this.#bytes = Buffer.alloc(WINDOW_BYTES);
    if (stored?.length === WINDOW_BYTES) this.#bytes.set(stored);
  }

  /** To be stored. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /**
   * Takes a slot in this second, and says so by 0; else how many seconds until one may be free, and nothing has
   * changed. Seconds are whole ones of a clock that only goes forward; a window from its future is empty.
   */
  reserve(perMinute: number, second: number): number {
    this.#advance(second);
    let held = 0;
    for (let at = 0; at < SECONDS; at++) held += this.#count(at);
    if (held >= perMinute) return this.#secondsUntilFree(held - perMinute, second);
    this.#add(second, 1);
    return 0;
  }

  /** Gives a slot of that second back, if it still counts; one of the future is of another boot. */
  giveBack(reservedSecond: number, second: number): void {
    this.#advance(second);
    if (reservedSecond > second) return;
    if (reservedSecond > second - SECONDS && this.#count(reservedSecond % SECONDS) > 0)
      this.#add(reservedSecond, -1);
  }

  #advance(second: number): void {
    const latest = this.#bytes.readDoubleBE(0);
    const from = latest > second ? second - SECONDS : Math.max(latest, second - SECONDS);
    for (let passed = from + 1; passed <= second; passed++) this.#write(passed % SECONDS, 0);
    this.#bytes.writeDoubleBE(second, 0);
  }

  /** `excess` > 0 after a reload that lowered the limit: that many more have to leave first. */
  #secondsUntilFree(excess: number, second: number): number {
    let left = excess;
    for (let oldest = second - SECONDS + 1; oldest < second; oldest++) {
      left -= this.#count(((oldest % SECONDS) + SECONDS) % SECONDS);
      if (left < 0) return oldest + SECONDS - second;
    }
    return SECONDS;
  }

  #add(second: number, change: 1 | -1): void {
    const at = second % SECONDS;
    this.#write(at, this.#count(at) + change);
  }

  #count(at: number): number {
    return this.#bytes.readUInt32BE(LATEST_BYTES + at * COUNT_BYTES);
  }

  #write(at: number, count: number): void {
    this.#bytes.writeUInt32BE(count, LATEST_BYTES + ((at + SECONDS) % SECONDS) * COUNT_BYTES);
  }
}
