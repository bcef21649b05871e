/** Claims and a clock for the tests of nonce stores. */
import { createHash } from 'node:crypto';
import type { Clock, NonceClaim } from '../../src/nonces/nonce-store.js';

/** When every test begins, Unix seconds. */
export const START_SECONDS = 1_764_000_000;
export const SKEW_SECONDS = 30;

/** The claim of the n-th nonce of a test, signed at the start; equal numbers have equal keys. */
export function numberedClaim(number: number, but: Partial<NonceClaim> = {}): NonceClaim {
  return {
    key: createHash('sha256').update(`nonce ${number}`).digest(),
    identity: 'svc-telemetry',
    timestampSeconds: START_SECONDS,
    pastSkewSeconds: SKEW_SECONDS,
    futureSkewSeconds: SKEW_SECONDS,
    requestId: `00000000-0000-4000-8000-${number.toString().padStart(12, '0')}`,
    ...but,
  };
}

export interface FakeClock extends Clock {
  /** Time passes. */
  advance(seconds: number): void;
  /** Somebody sets the wall clock. */
  step(seconds: number): void;
}

export function fakeClock(atSeconds: number): FakeClock {
  let wallMs = atSeconds * 1000;
  let monotonicMs = 5_000;
  return {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    advance(seconds) {
      wallMs += seconds * 1000;
      monotonicMs += seconds * 1000;
    },
    step(seconds) {
      wallMs += seconds * 1000;
    },
  };
}
