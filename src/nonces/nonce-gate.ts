/** Between the pipeline's effect and a store: plans become claims, outcomes become refusals. */
import type { Claimed, ClaimNonce, ClaimPlan } from '../verify/effects.js';
import { refuse, type Refusal, type RefusalCode } from '../verify/refusal.js';
import type { ClaimOutcome, NonceClaim, NonceDoubt, NonceStore } from './nonce-store.js';

const DOUBT_CODES: Readonly<Record<NonceDoubt, RefusalCode>> = {
  below_floor: 'nonce_below_floor',
  store_full: 'nonce_store_full',
  quota_exceeded: 'nonce_quota_exceeded',
  clock_diverged: 'clock_diverged',
  store_unavailable: 'nonce_store_unavailable',
  abandoned: 'deadline_spent',
};

/** Makes the claim effect of a store. */
export function nonceGate(store: NonceStore): ClaimNonce {
  return (plan, stillWanted) => {
    const claim = claimOf(plan, stillWanted);
    const outcome = store.claim(claim);
    return outcome instanceof Promise
      ? outcome.then((later) => verdict(later, claim, store))
      : verdict(outcome, claim, store);
  };
}

function claimOf(plan: ClaimPlan, stillWanted: () => boolean): NonceClaim {
  const { key, identity, timestampSeconds, freshness, requestId } = plan;
  const { pastSkewSeconds, futureSkewSeconds } = freshness;
  return { key, identity, timestampSeconds, pastSkewSeconds, futureSkewSeconds, requestId, stillWanted };
}

function verdict(outcome: ClaimOutcome, claim: NonceClaim, store: NonceStore): Claimed | Refusal {
  switch (outcome.kind) {
    case 'claimed':
      return { kind: 'claimed', withdraw: () => store.withdraw(claim) };
    case 'replayed':
      return {
        ...refuse('replayed_nonce'),
        first: { requestId: outcome.firstRequestId, seenAtMs: outcome.firstSeenAtMs },
      };
    case 'outside_window':
      return refuse('timestamp_outside_window', 'the window closed before the claim');
    case 'doubt':
      return refuse(DOUBT_CODES[outcome.reason]);
  }
}
