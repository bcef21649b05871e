/** Something that is looked at again and again, never twice at once. */

const LOOK_MILLISECONDS = 1_000;

export class Looks {
  readonly #look: () => Promise<void>;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #closed = false;

  /** `look` must not reject. The first look is taken at once. */
  constructor(look: () => Promise<void>, everyMs = LOOK_MILLISECONDS) {
    this.#look = look;
    this.#everyMs = everyMs;
    this.#schedule(0);
  }

  /** No look begins any more; resolves when the one under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  #schedule(milliseconds: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#underWay = this.#look().finally(() => this.#schedule(this.#everyMs));
    }, milliseconds).unref();
  }
}
