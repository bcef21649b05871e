/** Reports of what became of allows, for the tests of nonce stores. */
import type { ClaimDelivery, NonceClaim } from '../../src/nonces/nonce-store.js';

/** What became of the allow that this claim led to. */
export function deliveryOf(
  claim: NonceClaim,
  outcome: ClaimDelivery['outcome'],
  {
    status = outcome === 'delivered' ? 200 : 503,
    onWithdrawn = () => undefined,
  }: Partial<ClaimDelivery> = {},
): ClaimDelivery {
  const { key, identity, timestampSeconds, requestId } = claim;
  return { key, identity, timestampSeconds, requestId, outcome, status, onWithdrawn };
}
