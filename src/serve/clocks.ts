/** The machine's own clocks, for the composition root alone, and the detector of stand-stills of the process. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../nonces/nonce-store.js';

/** Everything else is handed one. */
export const systemClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

const TICK_MILLISECONDS = 50;
/** Far above a garbage collection, below any check timeout worth setting. */
const STALL_MILLISECONDS = 250;

/**
 * Notices that the process stood still (SIGSTOP, a swapped-out host, a long pause). Checks that queued up
 * meanwhile are ones that Envoy has long given up; their resets wait unread behind them, and a nonce claimed
 * for such a check would be lost to the producer's retry. So the frames are read first.
 */
export class StallDetector {
  readonly #timer: NodeJS.Timeout;
  #lastTickMs = performance.now();
  #settling: Promise<void> | undefined;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MILLISECONDS);
    this.#timer.unref();
  }

  /** Undefined in ordinary times; after a stall, resolves when the sockets have been read. */
  afterStall(): Promise<void> | undefined {
    this.#notice();
    return this.#settling;
  }

  /** After a stall the timers may run before the sockets are read, or after: both look. */
  #tick(): void {
    this.#notice();
    this.#lastTickMs = performance.now();
  }

  #notice(): void {
    if (performance.now() - this.#lastTickMs < STALL_MILLISECONDS) return;
    this.#settling ??= readQueuedFrames().finally(() => (this.#settling = undefined));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** A few turns of the event loop: each reads what the sockets hold. */
async function readQueuedFrames(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, TICK_MILLISECONDS));
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
