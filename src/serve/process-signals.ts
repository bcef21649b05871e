/** What a serving process is told from outside: to stop, to stop at once, to read its files again. */

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Listens from its making on: as the first process of a container there is no default for these signals. */
export class ProcessSignals {
  /** Resolves with the first signal to stop. */
  readonly stop: Promise<string>;
  /** Aborted by the second: whoever sends it does not want to wait for the drain. */
  readonly cut: AbortSignal;
  #hangup: () => void = () => undefined;
  #hasHungUp = false;

  constructor() {
    const cut = new AbortController();
    this.cut = cut.signal;
    let told = false;
    this.stop = new Promise((resolve) => {
      for (const signal of STOP_SIGNALS)
        process.on(signal, () => {
          if (told) cut.abort();
          told = true;
          resolve(signal);
        });
      // Of a worker: nobody watches it or shows its metrics any more.
      process.once('disconnect', () => resolve('the supervisor is gone'));
    });
    process.on('SIGHUP', () => {
      this.#hasHungUp = true;
      this.#hangup();
    });
  }

  /** Calls it for each SIGHUP from now on, and once for those that came before. */
  onHangup(reload: () => void): void {
    this.#hangup = reload;
    if (this.#hasHungUp) reload();
  }
}
