/** The two effects of an admission, as the stores provide them: a slot of a rate limit, and the claim of a nonce. */
import type { Refusal } from './refusal.js';
import type { Freshness, RateLimit } from './snapshot.js';

/**
 * A reserved slot, or after how many whole seconds one is free (1 to 61) unless another request takes it. `giveBack`
 * returns this slot alone, at once or a moment later; after the slot has expired it changes nothing.
 */
export type Reservation =
  | {
      readonly kind: 'reserved';
      readonly giveBack: () => void;
      /** Names the slot to `RateLimits.giveBack` of every process that counts together with this one. */
      readonly slot: string;
    }
  | { readonly kind: 'limited'; readonly retryAfterSeconds: number };

/**
 * The port: slots of one process, or of all that share a store. A slot is free a minute after it was reserved, never
 * earlier and at most a second later. A refusal is doubt, never a limit.
 */
export interface RateLimits {
  /** `nowMs` is this process's monotonic clock; a store that is shared has a clock of its own. Never rejects. */
  reserve(
    limit: RateLimit,
    subject: string,
    nowMs: number,
  ): Reservation | Refusal | Promise<Reservation | Refusal>;
  /**
   * As `Reservation.giveBack`, of a slot that any of these processes reserved; once for each slot. A slot that is not one
   * of theirs, or has expired, is passed over. Never throws.
   */
  giveBack(slot: string): void;
}

/** A verified request that asks to be the first with its nonce. */
export interface ClaimPlan {
  /** From `nonceKey`. */
  readonly key: Buffer;
  readonly identity: string;
  readonly timestampSeconds: number;
  /** The timestamp minus our clock, as it was judged. */
  readonly skewSeconds: number;
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

/** A copy of what was let through, of which it is not known yet whether it was delivered: if it was not, this one may be. */
export interface Awaited {
  readonly kind: 'awaited';
  /** Resolves when the claim is to be asked for again, or with the refusal where waiting came to nothing. */
  readonly whenKnown: () => Promise<Refusal | undefined>;
}

/**
 * Claims a nonce once. A copy whose claim somebody else holds, and may still give back, waits for that. `stillWanted`
 * is asked just before a deferred claim is written, and while a copy waits. Never throws.
 */
export type ClaimNonce = (
  plan: ClaimPlan,
  stillWanted: () => boolean,
) => Claimed | Awaited | Refusal | Promise<Claimed | Awaited | Refusal>;

/** Where both effects happen. */
export interface Effects {
  readonly rateLimits: RateLimits;
  readonly claimNonce: ClaimNonce;
}
