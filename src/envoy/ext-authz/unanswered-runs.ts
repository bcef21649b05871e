/**
 * Checks that hold a claim and were not answered yet. A claim is given back as soon as nobody waits for it any longer,
 * whatever its check still waits for: copies of the request wait for that, in other processes by the clock alone
 * (`nonces/nonce-gate.ts`).
 */
import { takeBack, type Run } from './check-run.js';

/** How often they are looked at; part of what the grace in `nonces/nonce-gate.ts` allows for. */
const LOOK_MS = 50;

export class UnansweredRuns {
  readonly #runs = new Set<Run>();
  readonly #onDefect: (error: unknown, decisionId: string) => void;
  #look: NodeJS.Timeout | undefined;

  constructor(onDefect: (error: unknown, decisionId: string) => void) {
    this.#onDefect = onDefect;
  }

  add(run: Run): void {
    this.#runs.add(run);
    this.#look ??= setTimeout(() => this.#lookAtAll(), LOOK_MS).unref();
  }

  delete(run: Run): void {
    this.#runs.delete(run);
  }

  #lookAtAll(): void {
    this.#look = undefined;
    for (const run of this.#runs) void this.#lookAt(run);
    if (this.#runs.size > 0) this.#look = setTimeout(() => this.#lookAtAll(), LOOK_MS).unref();
  }

  async #lookAt(run: Run): Promise<void> {
    try {
      if (run.grant !== undefined && run.patience.callerWaits()) return;
      this.#runs.delete(run);
      await takeBack(run);
    } catch (error) {
      this.#runs.delete(run);
      this.#onDefect(error, run.decisionId);
    }
  }
}
