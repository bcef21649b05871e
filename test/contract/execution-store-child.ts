/** A process that remembers numbered pairs until it is done or killed. Prints the numbers that were kept, batch by batch. */
import { writeSync } from 'node:fs';
import { openLmdbExecutionStore } from '../../src/executions/lmdb-store.js';
import { numberedPair, ROOMY, START_MS } from './execution-pairs.js';

/** The JSON argument. */
export interface ExecutionChildTask {
  readonly directory: string;
  /** The first number; `count` numbers from there on. */
  readonly first: number;
  readonly count: number;
  readonly atOnce: number;
}

const task = JSON.parse(process.argv[2] ?? '') as ExecutionChildTask;
const bounds = { ...ROOMY, maxPerTenant: 1_000_000, maxInAll: 1_000_000 };
const store = openLmdbExecutionStore({ ...bounds, directory: task.directory, durability: 'process' });
const end = task.first + task.count;
for (let first = task.first; first < end; first += task.atOnce) {
  const batch = Array.from({ length: Math.min(task.atOnce, end - first) }, (_, at) => first + at);
  await Promise.all(batch.map((number) => store.remember(numberedPair(number), START_MS + number)));
  writeSync(1, `${JSON.stringify(batch)}\n`);
}
await store.close();
