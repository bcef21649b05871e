/** Requests at a fixed rate, and how long each waited from the moment it was due. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** An even rate, for so long. */
export interface Load {
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

/** Signed beforehand: the client's core has to carry the client and the application. */
export type Prepared = () => Promise<void>;
export type Prepare = () => Prepared;

/** Milliseconds of each request from the moment at which it was due. Rejects with the first failure, once all have ended. */
export async function atFixedRate(prepare: Prepare, { requestsPerSecond, seconds }: Load): Promise<number[]> {
  const requests = Array.from({ length: seconds * requestsPerSecond }, prepare);
  const latencies: number[] = [];
  const failures: unknown[] = [];
  const pending: Promise<void>[] = [];
  const started = performance.now();
  for (const [number, send] of requests.entries()) {
    const dueMs = started + (number * 1000) / requestsPerSecond;
    // One that is late lets answers in all the same: a sender that never looks up measures itself.
    if (dueMs <= performance.now()) await nextTurn();
    while (dueMs > performance.now()) await delay(1);
    pending.push(
      send().then(
        () => void latencies.push(performance.now() - dueMs),
        (error: unknown) => void failures.push(error),
      ),
    );
    if (failures.length > 0) break;
  }
  await Promise.all(pending);
  if (failures.length > 0) throw failures[0];
  return latencies;
}

/** The middle of them, and what one in a hundred exceeds. */
export function latencyOf(latencies: readonly number[]): Latency {
  const sorted = [...latencies].sort((left, right) => left - right);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
