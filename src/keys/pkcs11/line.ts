/** Those who wait for a token: keys take turns, so that one that is much asked for costs the others nothing. */

/** A tenth of a second of a fast token, seconds of a slow one; and nobody waits for long. */
const MOST_OF_A_KEY = 256;

export class Line<Waiting extends { readonly key: string }> {
  /** In the order of their turns; none is empty. */
  readonly #byKey = new Map<string, Waiting[]>();

  /** False where as many of that key wait as may. */
  add(waiting: Waiting): boolean {
    const others = this.#byKey.get(waiting.key);
    if (others === undefined) this.#byKey.set(waiting.key, [waiting]);
    else if (others.length >= MOST_OF_A_KEY) return false;
    else others.push(waiting);
    return true;
  }

  /** Before all others of its key: it has waited already. */
  putBack(waiting: Waiting): void {
    const others = this.#byKey.get(waiting.key);
    if (others === undefined) this.#byKey.set(waiting.key, [waiting]);
    else others.unshift(waiting);
  }

  /** Whose turn it is; undefined where nobody waits. */
  take(): Waiting | undefined {
    for (const [key, [first, ...rest]] of this.#byKey) {
      this.#byKey.delete(key);
      if (rest.length > 0) this.#byKey.set(key, rest);
      return first;
    }
    return undefined;
  }

  remove(waiting: Waiting): void {
    const rest = (this.#byKey.get(waiting.key) ?? []).filter((each) => each !== waiting);
    if (rest.length > 0) this.#byKey.set(waiting.key, rest);
    else this.#byKey.delete(waiting.key);
  }
}
