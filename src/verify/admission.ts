/**
 * The two effects behind a verified request, in their order: a slot of the operator's rate limit, then the
 * one nonce claim, the last step of all. What did not end in an allow is given back.
 */
import type { Claimed, ClaimPlan, Effects, PendingCall } from './effects.js';
import type { Verified } from './pipeline.js';
import { refuse, type Refusal } from './refusal.js';
import type { Reservation } from './rate-limiter.js';

/** Admitted. `undo` returns slot and nonce, for an allow that could not be given after all. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly undo: () => void | Promise<void>;
}

type Outcome = Admitted | Refusal;
/** A slot, no slot where there is no limit, or why there is none. */
type Slot = Reservation | Refusal | undefined;

/** Admits verified requests. One instance a process: it knows which admissions are under way. */
export class Admission {
  readonly #effects: Effects;
  /** Admissions that wait for a store, by nonce key: a copy of the same request waits for its twin. */
  readonly #underWay = new Map<string, Promise<Outcome>>();

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  /** Answers at once where the stores do. Copies that arrive together reserve one slot between them. */
  admit(verified: Verified, call: PendingCall): Outcome | Promise<Outcome> {
    const plan = verified.once && planOf(verified, verified.once, call);
    const twin =
      plan && this.#underWay.size > 0 ? this.#underWay.get(plan.key.toString('latin1')) : undefined;
    if (plan !== undefined && twin !== undefined) return this.#afterTwin(verified, plan, call, twin);
    const outcome = this.#first(verified, plan, call);
    return plan !== undefined && outcome instanceof Promise ? this.#watch(plan, outcome) : outcome;
  }

  #first(verified: Verified, plan: ClaimPlan | undefined, call: PendingCall): Outcome | Promise<Outcome> {
    const slot = this.#reserve(verified, call);
    return slot instanceof Promise
      ? slot.then((later) => this.#withSlot(later, plan, call))
      : this.#withSlot(slot, plan, call);
  }

  #withSlot(slot: Slot, plan: ClaimPlan | undefined, call: PendingCall): Outcome | Promise<Outcome> {
    const none = refusalOf(slot);
    if (none !== undefined) return none;
    const giveBack = giveBackOf(slot);
    if (plan === undefined) return { kind: 'admitted', undo: giveBack };
    if (call.worthClaiming()) return this.#claim(plan, call, giveBack);
    giveBack();
    return refuse('deadline_spent');
  }

  /**
   * The twin's slot is enough: if it was let through, the store calls this copy a replay. Should the twin have
   * been withdrawn meanwhile, this copy wins the claim, and then needs a slot of its own.
   */
  async #afterTwin(
    verified: Verified,
    plan: ClaimPlan,
    call: PendingCall,
    twin: Promise<Outcome>,
  ): Promise<Outcome> {
    const outcome = await twin;
    if (outcome.kind === 'refuse') return outcome;
    const result = await this.#effects.claimNonce(plan, call.worthClaiming);
    if (result.kind === 'refuse') return result;
    const slot = await this.#reserve(verified, call);
    const none = refusalOf(slot);
    if (none === undefined) return settled(result, giveBackOf(slot));
    await result.withdraw();
    return none;
  }

  #reserve({ policy, context }: Verified, call: PendingCall): Slot | Promise<Slot> {
    if (policy.rateLimit === undefined) return undefined;
    return this.#effects.rateLimiter.reserve(
      policy.rateLimit,
      context.operator ?? context.identity,
      call.monotonicMs(),
    );
  }

  #claim(plan: ClaimPlan, call: PendingCall, giveBack: () => void): Outcome | Promise<Outcome> {
    const result = this.#effects.claimNonce(plan, call.worthClaiming);
    return result instanceof Promise
      ? result.then((later) => settled(later, giveBack))
      : settled(result, giveBack);
  }

  #watch(plan: ClaimPlan, outcome: Promise<Outcome>): Promise<Outcome> {
    const name = plan.key.toString('latin1');
    const watched = outcome.finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, watched);
    return watched;
  }
}

function refusalOf(slot: Slot): Refusal | undefined {
  if (slot?.kind === 'limited')
    return { ...refuse('rate_limited'), retryAfterSeconds: slot.retryAfterSeconds };
  return slot?.kind === 'refuse' ? slot : undefined;
}

function giveBackOf(slot: Slot): () => void {
  return slot?.kind === 'reserved' ? slot.giveBack : nothing;
}

function settled(result: Claimed | Refusal, giveBack: () => void): Outcome {
  if (result.kind === 'claimed') {
    return {
      kind: 'admitted',
      undo: () => {
        giveBack();
        return result.withdraw();
      },
    };
  }
  giveBack();
  return result;
}

function planOf(verified: Verified, once: NonNullable<Verified['once']>, call: PendingCall): ClaimPlan {
  const { identity } = verified.context;
  const { freshness } = verified.policy;
  return {
    key: once.key,
    identity,
    timestampSeconds: once.timestampSeconds,
    freshness,
    requestId: call.requestId,
  };
}

function nothing(): void {
  // Without a limit there is no slot to give back.
}
