/**
 * The two effects behind a verified request, in their order: a slot of the operator's rate limit, then the
 * one nonce claim, the last step of all. What did not end in an allow is given back.
 */
import type { Verified } from './pipeline.js';
import { refuse, type Refusal } from './refusal.js';
import type { RateLimits, Reservation } from './rate-limiter.js';
import type { Freshness } from './snapshot.js';
import { PendingAdmissions, type Ending, type PendingAdmission } from './pending-admissions.js';

/** A verified request that asks to be the first with its nonce. */
export interface ClaimPlan {
  /** From `nonceKey`. */
  readonly key: Buffer;
  readonly identity: string;
  readonly timestampSeconds: number;
  readonly freshness: Freshness;
  /** Our decision id; a later replay learns it. */
  readonly requestId: string;
}

/** The claim was won, and its caller is not answered yet. Ends with exactly one of the two. */
export interface Claimed {
  readonly kind: 'claimed';
  /** It stands: its caller is answered with an allow. Copies elsewhere need not wait any longer. Never throws. */
  readonly settle: () => void;
  /** Gives it back; only for a claim that is not followed by an allow. */
  readonly withdraw: () => void | Promise<void>;
}

/**
 * Claims a nonce once. A copy whose claim somebody else holds, and may still give back, waits for that. `stillWanted`
 * is asked just before a deferred claim is written, and while a copy waits. Never throws.
 */
export type ClaimNonce = (
  plan: ClaimPlan,
  stillWanted: () => boolean,
) => Claimed | Refusal | Promise<Claimed | Refusal>;

/** Where both effects happen. */
export interface Effects {
  readonly rateLimiter: RateLimits;
  readonly claimNonce: ClaimNonce;
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
}

type Outcome = Admitted | Refusal;
/** A slot, no slot where there is no limit, or why there is none. */
type Slot = Reservation | Refusal | undefined;

/** Admits verified requests. One instance a process: it knows which admissions are pending. */
export class Admission {
  readonly #effects: Effects;
  readonly #pending = new PendingAdmissions();

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  /** Answers at once where the stores do. Copies that arrive together reserve one slot between them. */
  admit(verified: Verified, call: PendingCall): Outcome | Promise<Outcome> {
    const plan = verified.once && planOf(verified, verified.once, call);
    if (plan === undefined) return this.#first(verified, undefined, call);
    const first = this.#pending.find(plan.key);
    return first === undefined
      ? this.#begin(verified, plan, call)
      : this.#afterFirst(verified, plan, call, first);
  }

  /** Copies wait from here on, until it has ended. */
  #begin(verified: Verified, plan: ClaimPlan, call: PendingCall): Outcome | Promise<Outcome> {
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
    if (plan === undefined) return { kind: 'admitted', settle: nothing, undo: giveBack };
    if (call.worthClaiming()) return this.#claim(plan, call, giveBack);
    giveBack();
    return refuse('deadline_spent');
  }

  /**
   * The first one's slot is enough: if it was let through, the store calls this copy a replay. What it was refused for
   * counts for its copies, but not that its own caller had gone. Once it was undone the earliest of its copies takes
   * its place, and the others wait for that one.
   */
  async #afterFirst(
    verified: Verified,
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
    // Won without a slot, and unknown to the copies that came meanwhile: claimed again with both.
    await result.withdraw();
    return undefined;
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
      ? result.then((later) => claimed(later, giveBack))
      : claimed(result, giveBack);
  }
}

/** The same outcome, which ends what was begun: a refusal at once, an admission when it is settled or undone. */
function endedBy(outcome: Outcome, end: (ending: Ending) => void): Outcome {
  if (outcome.kind === 'refuse') {
    end(outcome);
    return outcome;
  }
  const { settle, undo } = outcome;
  return {
    kind: 'admitted',
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

function refusalOf(slot: Slot): Refusal | undefined {
  if (slot?.kind === 'limited')
    return { ...refuse('rate_limited'), retryAfterSeconds: slot.retryAfterSeconds };
  return slot?.kind === 'refuse' ? slot : undefined;
}

function giveBackOf(slot: Slot): () => void {
  return slot?.kind === 'reserved' ? slot.giveBack : nothing;
}

function claimed(result: Claimed | Refusal, giveBack: () => void): Outcome {
  if (result.kind === 'claimed') {
    return {
      kind: 'admitted',
      settle: result.settle,
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
