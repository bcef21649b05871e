/** The two effects of a decision, as ports: the pipeline is pure up to them. */
import type { Refusal } from './refusal.js';
import type { Freshness } from './snapshot.js';
import type { RateLimits } from './rate-limiter.js';

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
