/** How long the nonce store takes for a claim, measured around the effect itself. */
import type { Registry } from 'prom-client';
import type { ClaimNonce } from '../verify/effects.js';
import { HistogramTable } from './hot-metrics.js';

/** Where the claims go, and how they are timed. */
export interface ClaimTiming {
  readonly registry: Registry;
  /** Label: the store's name. */
  readonly store: string;
  readonly monotonicMs: () => number;
}

/** The same effect with a histogram around it. */
export function timedClaims(
  claimNonce: ClaimNonce,
  { registry, store, monotonicMs }: ClaimTiming,
): ClaimNonce {
  const seconds = new HistogramTable();
  seconds.register(registry, 'countersign_nonce_claim_seconds', 'Time that a nonce claim takes.', 'store');
  return (plan, stillWanted) => {
    const started = monotonicMs();
    const done = (): void => seconds.observe(store, (monotonicMs() - started) / 1000);
    const result = claimNonce(plan, stillWanted);
    if (result instanceof Promise) return result.finally(done);
    done();
    return result;
  };
}
