/** Look-ups of one turn of the event loop, put into one question for each tenant: an answer names many pairs. */

/** Asks for the times of pairs of one tenant, in their order; may reject. */
export type AskTimes = (tenant: string, pairs: readonly string[]) => Promise<readonly (number | undefined)[]>;

/** Pairs in one question: a script takes only so many arguments, and others should not wait long for it. */
const AT_ONCE = 500;

interface LookUp {
  readonly pair: string;
  readonly answer: (atMs: number | undefined) => void;
  readonly failed: (reason: unknown) => void;
}

export class LookUps {
  readonly #ask: AskTimes;
  #waiting = new Map<string, LookUp[]>();

  constructor(ask: AskTimes) {
    this.#ask = ask;
  }

  /** Resolves with the time of one pair, undefined where it is unknown; rejects when its question does. */
  ask(tenant: string, pair: string): Promise<number | undefined> {
    return new Promise((answer, failed) => {
      if (this.#waiting.size === 0) queueMicrotask(() => this.#send());
      const lookUp = { pair, answer, failed };
      const others = this.#waiting.get(tenant);
      if (others === undefined) this.#waiting.set(tenant, [lookUp]);
      else others.push(lookUp);
    });
  }

  #send(): void {
    const all = this.#waiting;
    this.#waiting = new Map();
    for (const [tenant, lookUps] of all)
      for (let at = 0; at < lookUps.length; at += AT_ONCE)
        void this.#sendSome(tenant, lookUps.slice(at, at + AT_ONCE));
  }

  async #sendSome(tenant: string, lookUps: readonly LookUp[]): Promise<void> {
    try {
      const times = await this.#ask(
        tenant,
        lookUps.map(({ pair }) => pair),
      );
      for (const [at, { answer }] of lookUps.entries()) answer(times[at]);
    } catch (error) {
      for (const { failed } of lookUps) failed(error);
    }
  }
}
