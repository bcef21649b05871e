/** How a new verifier takes the socket over from a running one (`serve --replace`), without a moment in which nobody listens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Configuration } from '../config/settings.js';
import type { Health } from '../observability/health.js';

const LOOK_MILLISECONDS = 50;

/** Throws a sentence when two processes of this configuration must not run at once. */
export function checkTakeover({ settings }: Configuration): void {
  if (settings.nonces.store === 'memory')
    throw new Error(
      'serve --replace needs a nonce store that both processes share: what one lets in, the other must know; set nonces.store to lmdb',
    );
}

/** Who serves on a socket and can take its name, or on several. */
interface Successor {
  takeOver(): void;
}

/** Waits until this verifier is well, and takes the socket's name. Gives up when `stopped` says so. */
export async function takeOverWhenHealthy(
  successor: Successor,
  health: Health,
  logger: Logger,
  stopped: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  while (!health.isServing() && !stopped.aborted) {
    const reason = health.states().find(({ fault }) => fault !== undefined)?.fault;
    if (reason !== told) logger.info({ reason }, 'not taking over yet');
    told = reason;
    await sleep(LOOK_MILLISECONDS);
  }
  if (stopped.aborted) return;
  successor.takeOver();
  logger.info('took over the socket');
}

/** Opens what the predecessor holds until it has drained, such as a port. Undefined when `stopped` says so first. */
export async function openWhenFree<T>(
  open: () => Promise<T>,
  stopped: AbortSignal,
  logger: Logger,
): Promise<T | undefined> {
  let told = false;
  while (!stopped.aborted) {
    try {
      return await open();
    } catch (error) {
      if (!told) logger.info({ reason: (error as Error).message }, 'waiting for the predecessor to leave it');
      told = true;
      await sleep(LOOK_MILLISECONDS);
    }
  }
  return undefined;
}
