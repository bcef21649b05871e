/** The claim as an effect of the pipeline, over a store: plans become claims, outcomes become refusals, and copies wait. */
import { setTimeout as pause } from 'node:timers/promises';
import { windowClosed } from '../verify/checks/freshness.js';
import type { Awaited, Claimed, ClaimNonce, ClaimPlan } from '../verify/effects.js';
import { refuse, type Refusal } from '../verify/refusal.js';
import type { DeliveryWaits } from './delivery-waits.js';
import type { ClaimOutcome, NonceClaim, NonceDoubt, NonceStore, NonceStoreOptions } from './nonce-store.js';

/** How often a copy asks again while the claim of another process is not answered. */
const ASK_AGAIN_MS = 10;
/**
 * How long after the deadline of its check a claim may still be on its way back: until its process looks at it
 * (`envoy/check/check-state.ts`), has its turn, and the store has written it. docs/adr/0001-nonce-durability.md.
 */
const GRACE_MS = 500;

/** What the effect is told of its store and of the checks for which it claims. */
interface ClaimEffectOptions {
  /** The longest time that a check may take until it is answered; milliseconds. */
  readonly checkTimeoutMilliseconds: number;
  /** Those of the store: a refusal for one of them names it. */
  readonly bounds: NonceBounds;
  /** Stands in for the claim of the store itself, to measure it. */
  readonly claim?: NonceStore['claim'];
  /** Where copies wait for what becomes of an allow. Default: none waits. */
  readonly waits?: DeliveryWaits | undefined;
}

type NonceBounds = Pick<NonceStoreOptions, 'maxEntries' | 'maxEntriesPerIdentity'>;
type Doubts = Readonly<Record<NonceDoubt, Refusal>>;

function doubtsOf({ maxEntries, maxEntriesPerIdentity }: NonceBounds): Doubts {
  return {
    below_floor: refuse('nonce_below_floor'),
    store_full: {
      ...refuse('nonce_store_full'),
      limit: { name: 'nonces.maxEntries', value: maxEntries },
    },
    quota_exceeded: {
      ...refuse('nonce_quota_exceeded'),
      limit: { name: 'nonces.maxEntriesPerIdentity', value: maxEntriesPerIdentity },
    },
    clock_diverged: refuse('clock_diverged'),
    store_unavailable: refuse('nonce_store_unavailable'),
    abandoned: refuse('deadline_spent'),
  };
}

/** Makes the claim effect of a store. */
export function claimEffect(store: NonceStore, options: ClaimEffectOptions): ClaimNonce {
  const { claim: ask = (claim: NonceClaim) => store.claim(claim) } = options;
  const effect: Effect = { store, ask, doubts: doubtsOf(options.bounds), waits: options.waits };
  const standsAfterMs = options.checkTimeoutMilliseconds + GRACE_MS;
  return (plan, stillWanted) => {
    const claim = claimOf(plan, stillWanted, standsAfterMs);
    const outcome = ask(claim);
    const judge = (answer: ClaimOutcome): ReturnType<ClaimNonce> =>
      answer.kind === 'unanswered' ? askAgain(claim, effect) : verdict(answer, claim, effect);
    return outcome instanceof Promise ? outcome.then(judge) : judge(outcome);
  };
}

interface Effect {
  readonly store: NonceStore;
  readonly ask: NonceStore['claim'];
  readonly doubts: Doubts;
  readonly waits: DeliveryWaits | undefined;
}

interface PlannedClaim extends NonceClaim {
  readonly skewSeconds: number;
}

function claimOf(plan: ClaimPlan, stillWanted: () => boolean, standsAfterMs: number): PlannedClaim {
  const { key, identity, timestampSeconds, skewSeconds, freshness, requestId } = plan;
  const { pastSkewSeconds, futureSkewSeconds } = freshness;
  return {
    key,
    identity,
    timestampSeconds,
    skewSeconds,
    pastSkewSeconds,
    futureSkewSeconds,
    requestId,
    stillWanted,
    standsAfterMs,
  };
}

/** Only the first of the copies in a process comes to wait here; the others wait for that one (`verify/admission.ts`). */
async function askAgain(claim: PlannedClaim, effect: Effect): Promise<Claimed | Awaited | Refusal> {
  while (claim.stillWanted?.() !== false) {
    await pause(ASK_AGAIN_MS, undefined, { ref: false });
    const outcome = await effect.ask(claim);
    if (outcome.kind !== 'unanswered') return verdict(outcome, claim, effect);
  }
  return refuse('deadline_spent', 'another copy of the request was not answered yet');
}

type Answered = Exclude<ClaimOutcome, { readonly kind: 'unanswered' }>;

function verdict(outcome: Answered, claim: PlannedClaim, effect: Effect): Claimed | Awaited | Refusal {
  const { store, doubts } = effect;
  switch (outcome.kind) {
    case 'claimed':
      return {
        kind: 'claimed',
        settle: () => store.settle?.(claim),
        withdraw: () => store.withdraw(claim),
      };
    case 'replayed':
      return toReplay(outcome, claim, effect);
    case 'outside_window':
      return windowClosed(claim.skewSeconds, claim);
    case 'doubt':
      return doubts[outcome.reason];
  }
}

const CROWDED = refuse('overloaded', 'too many copies wait for what becomes of the first');

/** A copy of what was not delivered may yet be let in, so it waits for that to be known where somebody is there to tell. */
function toReplay(
  first: Extract<Answered, { readonly kind: 'replayed' }>,
  claim: PlannedClaim,
  { waits }: Effect,
): Awaited | Refusal {
  const refusal = replayOf(first);
  if (first.firstStatus !== undefined || waits?.isUseful(first.firstSeenAtMs) !== true) return refusal;
  const whenKnown = async (): Promise<Refusal | undefined> => {
    switch (await waits.wait(claim, claim.stillWanted ?? (() => true))) {
      case 'known':
        return undefined;
      case 'unknown':
      case 'spent':
      // One of those that wait is let in should the first turn out not to be delivered, so this one may be told already.
      case 'repeated':
        return refusal;
      case 'crowded':
        return CROWDED;
    }
  };
  return { kind: 'awaited', whenKnown };
}

function replayOf({
  firstRequestId: requestId,
  firstSeenAtMs: seenAtMs,
  firstStatus,
}: Extract<Answered, { readonly kind: 'replayed' }>): Refusal {
  const status = firstStatus === undefined || firstStatus === 0 ? {} : { status: firstStatus };
  return { ...refuse('replayed_nonce'), first: { requestId, seenAtMs, ...status } };
}
