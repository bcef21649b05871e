/**
 * The two effects behind a verified request, in their order: a slot of the operator's rate limit, then the one nonce
 * claim, the last step of all. What did not end in an allow is given back, so that neither a replay nor a failing
 * store uses up anybody's allowance.
 */
import type { ClaimOnce } from './pipeline.js';
import type { RateLimit, SignedPolicy } from './snapshot.js';
import { type Refusal, refuse } from './refusal.js';
import type { Awaited, ClaimPlan, Claimed, Effects, Reservation } from './effects.js';
import type { TakenClaim } from './claim-text.js';

/** What asks to be admitted: a verified request, or what report-only lets pass. */
export interface Admissible {
  readonly policy: Pick<SignedPolicy, 'rateLimit' | 'freshness'>;
  /** Whose allowance it uses up: the operator's, or where there is none the identity's. The nonce is the identity's. */
  readonly context: { readonly identity: string; readonly operator: string | undefined };
  /** Absent where no nonce is claimed. */
  readonly once: ClaimOnce | undefined;
}

/** What is known of the call that waits for this decision. */
export interface PendingCall {
  readonly requestId: string;
  /** False when the caller has gone or too little of its deadline is left for a claim. */
  readonly worthClaiming: () => boolean;
  /** Resolves when so little of the deadline is left; asked for by copies that wait for each other alone. */
  readonly untilSpent: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly monotonicMs: () => number;
}

const COPY_WAITS = 'another copy of the request was not answered yet';

/** Admitted, and not answered yet: copies of the same request wait until one of the two is called. */
export interface Admitted {
  readonly kind: 'admitted';
  /** The caller is answered with an allow, and slot and nonce are used up. Never throws. */
  readonly settle: () => void;
  /** Returns slot and nonce, for an allow that could not be given after all. */
  readonly undo: () => void | Promise<void>;
  /** What has to be given back should the allow not be delivered; undefined where no nonce was claimed. */
  readonly taken: TakenClaim | undefined;
}

type Outcome = Admitted | Refusal;
/** A slot, no slot where there is no limit, or why there is none. */
type Slot = Reservation | Refusal | undefined;
/** One that was reserved. */
type TakenSlot = Extract<Reservation, { readonly kind: 'reserved' }> | undefined;

/** What became of an admission: answered with an allow, given back after it was won, or refused. */
type Ending = 'stands' | 'undone' | Refusal;

/** One admission, from before its claim until it is answered. */
class PendingAdmission {
  #ending: Ending | undefined;
  #ended: Promise<Ending> | undefined;
  #wake: ((ending: Ending) => void) | undefined;

  /** Resolves with what became of it. Nothing is made for the many that nobody waits for. */
  ended(): Promise<Ending> {
    if (this.#ending !== undefined) return Promise.resolve(this.#ending);
    return (this.#ended ??= new Promise((resolve) => (this.#wake = resolve)));
  }

  /** Only the first ending counts. */
  end(ending: Ending): void {
    this.#ending ??= ending;
    this.#wake?.(this.#ending);
  }
}

/** Admissions of this process that are not answered yet, by nonce: a copy of one waits for what becomes of it. */
class PendingAdmissions {
  readonly #byNonce = new Map<string, PendingAdmission>();

  find(key: Buffer): PendingAdmission | undefined {
    return this.#byNonce.size > 0 ? this.#byNonce.get(nameOf(key)) : undefined;
  }

  /** For a nonce of which `find` has just found none; the returned function ends it. */
  begin(key: Buffer): (ending: Ending) => void {
    const name = nameOf(key);
    const begun = new PendingAdmission();
    this.#byNonce.set(name, begun);
    return (ending) => {
      if (this.#byNonce.get(name) === begun) this.#byNonce.delete(name);
      begun.end(ending);
    };
  }

  /** What is begun waits for an allow of before: its copies ask the store for themselves, and each waits within the bounds of such waiting. */
  release(key: Buffer): void {
    const name = nameOf(key);
    const begun = this.#byNonce.get(name);
    this.#byNonce.delete(name);
    begun?.end('stands');
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1');
}

/** Admits requests. One instance a process: it knows which admissions are pending. */
export class Admission {
  readonly #effects: Effects;
  readonly #pending = new PendingAdmissions();

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  /** Answers at once where the stores do. Copies that arrive together reserve one slot between them. */
  admit(verified: Admissible, call: PendingCall): Outcome | Promise<Outcome> {
    const plan = verified.once && planOf(verified, verified.once, call);
    if (plan === undefined) return this.#first(verified, undefined, call);
    const first = this.#pending.find(plan.key);
    return first === undefined
      ? this.#begin(verified, plan, call)
      : this.#afterFirst(verified, plan, call, first);
  }

  /** Copies wait from here on, until it has ended. */
  #begin(verified: Admissible, plan: ClaimPlan, call: PendingCall): Outcome | Promise<Outcome> {
    const end = this.#pending.begin(plan.key);
    try {
      const outcome = this.#first(verified, plan, call);
      if (!(outcome instanceof Promise)) return endedBy(outcome, end);
      return outcome.then(
        (later) => endedBy(later, end),
        (error: unknown) => failed(error, end),
      );
    } catch (error) {
      return failed(error, end);
    }
  }

  #first(verified: Admissible, plan: ClaimPlan | undefined, call: PendingCall): Outcome | Promise<Outcome> {
    const slot = this.#reserve(verified, call);
    return slot instanceof Promise
      ? slot.then((later) => this.#withSlot(later, verified, plan, call))
      : this.#withSlot(slot, verified, plan, call);
  }

  #withSlot(
    slot: Slot,
    verified: Admissible,
    plan: ClaimPlan | undefined,
    call: PendingCall,
  ): Outcome | Promise<Outcome> {
    if (slot?.kind === 'limited') return rateLimited(slot.retryAfterSeconds, verified.policy.rateLimit);
    if (slot?.kind === 'refuse') return slot;
    const giveBack = slot?.giveBack ?? nothing;
    if (plan === undefined) return { kind: 'admitted', settle: nothing, undo: giveBack, taken: undefined };
    if (call.worthClaiming()) return this.#claim(verified, plan, call, slot);
    giveBack();
    return refuse('deadline_spent');
  }

  /**
   * The first one's slot is enough: if it was let through, the store calls this copy a replay. What it was refused for
   * counts for its copies, but not that its own caller had gone. Once it was undone the earliest of its copies takes
   * its place, and the others wait for that one.
   */
  async #afterFirst(
    verified: Admissible,
    plan: ClaimPlan,
    call: PendingCall,
    first: PendingAdmission,
  ): Promise<Outcome> {
    for (let pending: typeof first | undefined = first; pending !== undefined;) {
      const ending = await Promise.race([pending.ended(), call.untilSpent()]);
      if (ending === undefined || !call.worthClaiming()) return refuse('deadline_spent', COPY_WAITS);
      if (isFinal(ending)) return ending;
      const replay = ending === 'stands' ? await this.#askAgain(plan, call) : undefined;
      if (replay !== undefined) return replay;
      pending = this.#pending.find(plan.key);
    }
    return this.#begin(verified, plan, call);
  }

  /** What the store says to a copy of what stands; undefined when it stands no longer. */
  async #askAgain(plan: ClaimPlan, call: PendingCall): Promise<Refusal | undefined> {
    const result = await this.#effects.claimNonce(plan, call.worthClaiming);
    if (result.kind === 'refuse') return result;
    if (result.kind === 'awaited') return result.whenKnown();
    // Won without a slot, and unknown to the copies that came meanwhile: claimed again with both.
    await result.withdraw();
    return undefined;
  }

  #reserve({ policy, context }: Admissible, call: PendingCall): Slot | Promise<Slot> {
    if (policy.rateLimit === undefined) return undefined;
    return this.#effects.rateLimits.reserve(
      policy.rateLimit,
      context.operator ?? context.identity,
      call.monotonicMs(),
    );
  }

  #claim(
    verified: Admissible,
    plan: ClaimPlan,
    call: PendingCall,
    slot: TakenSlot,
  ): Outcome | Promise<Outcome> {
    const result = this.#effects.claimNonce(plan, call.worthClaiming);
    return result instanceof Promise
      ? result.then((later) => this.#claimed(later, verified, plan, call, slot))
      : this.#claimed(result, verified, plan, call, slot);
  }

  #claimed(
    result: Claimed | Awaited | Refusal,
    verified: Admissible,
    plan: ClaimPlan,
    call: PendingCall,
    slot: TakenSlot,
  ): Outcome | Promise<Outcome> {
    if (result.kind === 'claimed') return admitted(result, plan, slot);
    slot?.giveBack();
    if (result.kind === 'refuse') return result;
    this.#pending.release(plan.key);
    return this.#afterDelivery(result, verified, call);
  }

  /** Waits without a slot, and then begins anew. */
  async #afterDelivery(awaited: Awaited, verified: Admissible, call: PendingCall): Promise<Outcome> {
    return (await awaited.whenKnown()) ?? this.admit(verified, call);
  }
}

/** The same outcome, which ends what was begun: a refusal at once, an admission when it is settled or undone. */
function endedBy(outcome: Outcome, end: (ending: Ending) => void): Outcome {
  if (outcome.kind === 'refuse') {
    end(outcome);
    return outcome;
  }
  const { settle, undo, taken } = outcome;
  return {
    kind: 'admitted',
    taken,
    settle: () => {
      settle();
      end('stands');
    },
    undo: () => {
      try {
        const undone = undo();
        if (undone instanceof Promise) return undone.finally(() => end('undone'));
      } catch (error) {
        return failed(error, end);
      }
      end('undone');
      return undefined;
    },
  };
}

function failed(error: unknown, end: (ending: Ending) => void): never {
  end('undone');
  throw error;
}

/** Whether copies are told the same. */
function isFinal(ending: Ending): ending is Refusal {
  return typeof ending !== 'string' && ending.code !== 'deadline_spent';
}

function rateLimited(retryAfterSeconds: number, limit: RateLimit | undefined): Refusal {
  return {
    ...refuse('rate_limited'),
    retryAfterSeconds,
    ...(limit && { limit: { name: 'rateLimit.perMinute', value: limit.perMinute } }),
  };
}

function admitted(result: Claimed, plan: ClaimPlan, slot: TakenSlot): Admitted {
  const { key, identity, timestampSeconds } = plan;
  return {
    kind: 'admitted',
    settle: result.settle,
    undo: () => {
      slot?.giveBack();
      return result.withdraw();
    },
    taken: { key, identity, timestampSeconds, slot: slot?.slot },
  };
}

function planOf({ context, policy }: Admissible, once: ClaimOnce, { requestId }: PendingCall): ClaimPlan {
  const { key, timestampSeconds, skewSeconds } = once;
  const { identity } = context;
  return { key, identity, timestampSeconds, skewSeconds, freshness: policy.freshness, requestId };
}

function nothing(): void {
  // Without a limit there is no slot to give back.
}
