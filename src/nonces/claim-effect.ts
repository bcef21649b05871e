/** The claim as an effect of the pipeline, over a store: plans become claims, outcomes become refusals, and copies wait. */
import { setTimeout as pause } from 'node:timers/promises';
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

/** How often a copy asks again while the claim of another process is not answered. */
const ASK_AGAIN_MS = 10;
/**
 * How long after the deadline of its check a claim may still be on its way back: until its process looks at it
 * (`envoy/ext-authz/check-state.ts`), has its turn, and the store has written it. docs/adr/0001-nonce-durability.md.
 */
const GRACE_MS = 500;

/** What the effect is told of the checks for which it claims. */
export interface ClaimEffectOptions {
  /** The longest time that a check may take until it is answered; milliseconds. */
  readonly checkTimeoutMilliseconds: number;
  /** Stands in for the claim of the store itself, to measure it. */
  readonly claim?: NonceStore['claim'];
}

/** Makes the claim effect of a store. */
export function claimEffect(
  store: NonceStore,
  { checkTimeoutMilliseconds, claim: ask = (claim) => store.claim(claim) }: ClaimEffectOptions,
): ClaimNonce {
  const standsAfterMs = checkTimeoutMilliseconds + GRACE_MS;
  return (plan, stillWanted) => {
    const claim = claimOf(plan, stillWanted, standsAfterMs);
    const outcome = ask(claim);
    const judge = (answer: ClaimOutcome): ReturnType<ClaimNonce> =>
      answer.kind === 'unanswered' ? askAgain(claim, store, ask) : verdict(answer, claim, store);
    return outcome instanceof Promise ? outcome.then(judge) : judge(outcome);
  };
}

function claimOf(plan: ClaimPlan, stillWanted: () => boolean, standsAfterMs: number): NonceClaim {
  const { key, identity, timestampSeconds, freshness, requestId } = plan;
  const { pastSkewSeconds, futureSkewSeconds } = freshness;
  return {
    key,
    identity,
    timestampSeconds,
    pastSkewSeconds,
    futureSkewSeconds,
    requestId,
    stillWanted,
    standsAfterMs,
  };
}

/** Only the first of the copies in a process comes to wait here; the others wait for that one (`verify/admission.ts`). */
async function askAgain(
  claim: NonceClaim,
  store: NonceStore,
  ask: NonceStore['claim'],
): Promise<Claimed | Refusal> {
  while (claim.stillWanted?.() !== false) {
    await pause(ASK_AGAIN_MS, undefined, { ref: false });
    const outcome = await ask(claim);
    if (outcome.kind !== 'unanswered') return verdict(outcome, claim, store);
  }
  return refuse('deadline_spent', 'another copy of the request was not answered yet');
}

type Answered = Exclude<ClaimOutcome, { readonly kind: 'unanswered' }>;

function verdict(outcome: Answered, claim: NonceClaim, store: NonceStore): Claimed | Refusal {
  switch (outcome.kind) {
    case 'claimed':
      return {
        kind: 'claimed',
        settle: () => store.settle?.(claim),
        withdraw: () => store.withdraw(claim),
      };
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
