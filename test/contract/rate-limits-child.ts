/** A process that asks for slots, a few at a time, and tells of each answer in a line. */
import { writeSync } from 'node:fs';
import { openLmdbRateLimits } from '../../src/rate-limits/lmdb.js';

interface Task {
  readonly directory: string;
  readonly asks: number;
  readonly perMinute: number;
}

const AT_ONCE = 4;
const STDOUT = 1;

const { directory, asks, perMinute } = JSON.parse(process.argv[2] ?? '') as Task;
const limits = openLmdbRateLimits({ directory, nowSeconds: () => 1_000 });
for (let asked = 0; asked < asks; asked += AT_ONCE) {
  const answers = await Promise.all(
    Array.from({ length: AT_ONCE }, () => limits.reserve({ group: 'g', perMinute }, 's')),
  );
  writeSync(STDOUT, answers.map(({ kind }) => `${kind}\n`).join(''));
}
await limits.close();
