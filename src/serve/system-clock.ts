/** The machine's own clocks, for composition roots alone; everything else is handed one. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../nonces/nonce-store.js';

export const systemClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
