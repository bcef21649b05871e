/** How long the nonce store takes for a claim, measured around the store itself: what a copy waits is not in it. */
import type { Registry } from 'prom-client';
import { HistogramTable } from './hot-metrics.js';

/** Where the claims go, and how they are timed. */
export interface ClaimTiming {
  readonly registry: Registry;
  /** Label: the store's name. */
  readonly store: string;
  readonly monotonicMs: () => number;
}

/** The same claim with a histogram around it. */
export function timedClaims<Asked extends readonly unknown[], Outcome>(
  claim: (...asked: Asked) => Outcome | Promise<Outcome>,
  { registry, store, monotonicMs }: ClaimTiming,
): (...asked: Asked) => Outcome | Promise<Outcome> {
  const seconds = new HistogramTable<string>();
  seconds.register(registry, 'countersign_nonce_claim_seconds', 'Time that a nonce claim takes.', 'store');
  return (...asked) => {
    const started = monotonicMs();
    const done = (): void => seconds.observe(store, (monotonicMs() - started) / 1000);
    const result = claim(...asked);
    if (result instanceof Promise) return result.finally(done);
    done();
    return result;
  };
}
