/** Tells in the operational log when the clock steps, and when the nonce store stops serving and serves again. */
import type { Logger } from 'pino';
import type { NonceStore } from '../nonces/nonce-store.js';

export class StoreReport {
  readonly #store: Pick<NonceStore, 'name' | 'status'>;
  readonly #logger: Pick<Logger, 'warn' | 'info'>;
  #steps = 0;
  #wasHealthy = true;

  constructor(store: Pick<NonceStore, 'name' | 'status'>, logger: Pick<Logger, 'warn' | 'info'>) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Looks at the store once. Called by a timer; only what has changed since the last look is told. */
  look(): void {
    const { unhealthy, clockSteps } = this.#store.status();
    const { name: store } = this.#store;
    if (clockSteps > this.#steps)
      this.#logger.warn({ store, steps: clockSteps, reason: unhealthy }, 'the wall clock stepped');
    if (this.#wasHealthy && unhealthy !== undefined)
      this.#logger.warn({ store, reason: unhealthy }, 'the nonce store refuses');
    if (!this.#wasHealthy && unhealthy === undefined)
      this.#logger.info({ store }, 'the nonce store serves again');
    this.#steps = clockSteps;
    this.#wasHealthy = unhealthy === undefined;
  }
}
