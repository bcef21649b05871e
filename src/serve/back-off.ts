/** How long to wait before a process that died is started again. */

const FIRST_MILLISECONDS = 100;
const LONGEST_MILLISECONDS = 10_000;
/** Who lived that long was no failed start: the next one comes at once. */
const SOUND_LIFE_MILLISECONDS = 10_000;

export class BackOff {
  #failures = 0;

  /** The pause after a life of this many milliseconds: none after a sound one or the first short one, then doubling. */
  pauseMilliseconds(lifeMilliseconds: number): number {
    if (lifeMilliseconds >= SOUND_LIFE_MILLISECONDS) this.#failures = 0;
    const pause = this.#failures === 0 ? 0 : FIRST_MILLISECONDS * 2 ** (this.#failures - 1);
    this.#failures += 1;
    return Math.min(pause, LONGEST_MILLISECONDS);
  }
}
