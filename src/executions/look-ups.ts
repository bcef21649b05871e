/** Look-ups of one turn of the event loop, put into one question for each tenant: an answer names many pairs. */
import { TurnBatcher } from '../storage/turn-batcher.js';

/** Asks for the times of pairs of one tenant, in their order; may reject. */
export type AskTimes = (tenant: string, pairs: readonly string[]) => Promise<readonly (number | undefined)[]>;

/** Pairs in one question: a script takes only so many arguments, and others should not wait long for it. */
const AT_ONCE = 500;

interface LookUp {
  readonly tenant: string;
  readonly pair: string;
  readonly answer: (atMs: number | undefined) => void;
  readonly failed: (reason: unknown) => void;
}

export class LookUps {
  readonly #ask: AskTimes;
  readonly #lookUps = new TurnBatcher<LookUp>({ handle: (batch) => this.#send(batch), maxItems: AT_ONCE });

  constructor(ask: AskTimes) {
    this.#ask = ask;
  }

  /** Resolves with the time of one pair, undefined where it is unknown; rejects when its question does. */
  ask(tenant: string, pair: string): Promise<number | undefined> {
    return new Promise((answer, failed) => this.#lookUps.add({ tenant, pair, answer, failed }));
  }

  #send(batch: readonly LookUp[]): true {
    for (const tenant of new Set(batch.map((lookUp) => lookUp.tenant)))
      void this.#sendOf(
        tenant,
        batch.filter((lookUp) => lookUp.tenant === tenant),
      );
    return true;
  }

  async #sendOf(tenant: string, lookUps: readonly LookUp[]): Promise<void> {
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
