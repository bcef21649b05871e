/** Waiting for something that a test cannot go on without; bounded, so that a test that waits in vain ends. */
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 20;
/** Many times what anything takes on a quiet machine, and below the time of a test. */
const PATIENCE_MS = 60_000;

/** Polls `condition`, for what has no event to wait for. Rejects with `what` when it did not come true in time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  { everyMs = LOOK_EVERY_MS, atMostMs = PATIENCE_MS } = {},
): Promise<void> {
  const startMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - startMs > atMostMs) throw new Error(`not within ${atMostMs} ms: ${what}`);
    await pause(everyMs);
  }
}
