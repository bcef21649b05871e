/** Waits for replicas with as few WAITs as claims allow: one is under way, and the next is shared by all who came since. */

/** Asks once; resolves with whether enough replicas have everything that was written before. */
export type AskReplicas = () => Promise<boolean>;

export class ReplicationBarrier {
  readonly #ask: AskReplicas;
  #current: Promise<unknown> | undefined;
  #next: Promise<boolean> | undefined;

  constructor(ask: AskReplicas) {
    this.#ask = ask;
  }

  /** Resolves with whether what was written before this call is on enough replicas; rejects as `ask` does. */
  reached(): Promise<boolean> {
    if (this.#current === undefined) return this.#start();
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<boolean> {
    const asked = this.#ask();
    const done: Promise<unknown> = asked
      .catch(() => false)
      .then(() => {
        if (this.#current === done) this.#current = undefined;
      });
    this.#current = done;
    return asked;
  }
}
