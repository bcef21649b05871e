/** What every nonce store promises, whatever is behind it. Run by `nonce-store.test.ts` over each of them. */
import { describeClaims } from './nonce-store-claims.js';
import { describeClocks } from './nonce-store-clocks.js';
import { describeDeliveries } from './nonce-store-deliveries.js';
import type { OpenStore } from './nonce-store-harness.js';
import { describeLimits } from './nonce-store-limits.js';

/** Runs the contract over the stores that `open` opens. */
export function describeNonceStore(name: string, open: OpenStore): void {
  describe(`the ${name} nonce store`, () => {
    describeClaims(open);
    describeLimits(open);
    describeClocks(open);
    describeDeliveries(open);
  });
}
