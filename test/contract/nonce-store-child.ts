/** A process that claims nonces until it is done or killed. Prints one line for every batch that was answered. */
import { writeSync } from 'node:fs';
import { openLmdbNonceStore } from '../../src/nonces/lmdb/store.js';
import { numberedClaim } from './nonce-claims.js';

/** The JSON argument. */
export interface NonceChildTask {
  readonly directory: string;
  /** Starts the request ids. */
  readonly name: string;
  readonly count: number;
  readonly atOnce: number;
  /** Both clocks stand still at this time. */
  readonly nowMs: number;
}

/** One printed line: what became of each nonce of a batch; the winner's request id when it was not us. */
export type NonceChildLine = readonly (readonly [index: number, outcome: string])[];

const task = JSON.parse(process.argv[2] ?? '') as NonceChildTask;
const store = await openLmdbNonceStore({
  directory: task.directory,
  durability: 'process',
  clock: { nowMs: () => task.nowMs, monotonicMs: () => 0 },
  pastSkewSeconds: 30,
  futureSkewSeconds: 30,
  maxEntries: 1_000_000,
  maxEntriesPerIdentity: 1_000_000,
});
for (let first = 0; first < task.count; first += task.atOnce) {
  const batch = Array.from({ length: Math.min(task.atOnce, task.count - first) }, (_, at) => first + at);
  const line: NonceChildLine = await Promise.all(batch.map(claimNumber));
  writeSync(1, `${JSON.stringify(line)}\n`);
}
await store.close();

async function claimNumber(index: number): Promise<[number, string]> {
  const timestampSeconds = Math.floor(task.nowMs / 1000);
  const requestId = `${task.name}-${index}`;
  const outcome = await store.claim({ ...numberedClaim(index), timestampSeconds, requestId });
  return [index, outcome.kind === 'replayed' ? outcome.firstRequestId : outcome.kind];
}
