/**
 * Every fault that something is promised for. The tests that show a promise name its id in a comment above them
 * (`tagged-tests.ts`); `UPDATE=1 npm run -s jest -- test/unit/reliability` makes docs/reliability.md of both.
 */
import type { Area } from './faults/area.js';
import { LIFE_CYCLE } from './faults/life-cycle.js';
import { CLOCK, PROCESSES } from './faults/processes.js';
import { NONCE_STORE_ON_DISK, RECORDS, REDIS } from './faults/stores.js';
import { APPLICATION, LOAD } from './faults/traffic.js';

/** In the order of the page. */
export const FAULTS: readonly Area[] = [
  PROCESSES,
  NONCE_STORE_ON_DISK,
  REDIS,
  RECORDS,
  CLOCK,
  LIFE_CYCLE,
  LOAD,
  APPLICATION,
];
