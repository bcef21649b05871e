/**
 * The port behind which nonces are kept: who claimed one, and until when that is remembered.
 * docs/security-requirements.md#13 to #22; one contract suite (test/contract) runs over every store.
 */
import { checkBounded } from '../storage/storage-error.js';
import { isInsideWindow, skewOf } from '../verify/checks/freshness.js';
import type { RateLimits } from '../verify/effects.js';

/** One verified request asking to be the first with its nonce. Nothing unsigned goes into `key`. */
export interface NonceClaim {
  /** 32 bytes: hash over length-prefixed (purpose, key fingerprint, nonce). Built by `verify/nonce-key.ts`. */
  readonly key: Buffer;
  /** Whose quota the entry counts against. */
  readonly identity: string;
  /** The request's own signed time, Unix seconds. */
  readonly timestampSeconds: number;
  /** The window of the request's policy, judged again at claim time by the clock of the store's options (docs/security-requirements.md#14). */
  readonly pastSkewSeconds: number;
  readonly futureSkewSeconds: number;
  /** Our decision id: what a later replay learns as `first_request_id`. At most 64 ASCII characters. */
  readonly requestId: string;
  /**
   * Asked immediately before a deferred claim is written; `false` abandons it unwritten.
   * A caller that has gone must not burn its nonce, since the producer will send the same bytes again.
   */
  readonly stillWanted?: () => boolean;
  /**
   * Set where a claim that is won may yet be withdrawn: milliseconds from the claim after which it stands, unless it
   * was withdrawn, whatever became of its owner. Until then, or until `settle`, copies that have the field as well are
   * told `unanswered`. Absent: the claim stands at once, and whatever was claimed before is called a replay.
   */
  readonly standsAfterMs?: number;
}

/** Why a store would not say yes or no. Each is answered 503: a retry of the same bytes may pass. */
export type NonceDoubt =
  /** The timestamp is at or below the floor: this store cannot know whether it was seen (docs/security-requirements.md#16, #17). */
  | 'below_floor'
  /** Entries or bytes are at their bound (docs/security-requirements.md#21). */
  | 'store_full'
  /** The identity holds as many live entries as it may. */
  | 'quota_exceeded'
  /** Wall clock and monotonic clock have diverged over the threshold (docs/security-requirements.md#18). */
  | 'clock_diverged'
  /** The store could not be written or read. */
  | 'store_unavailable'
  /** `stillWanted` said no. */
  | 'abandoned';

/** The outcome of a claim. Exactly one claim of a key is ever `claimed` while the key is retained. */
export type ClaimOutcome =
  | { readonly kind: 'claimed' }
  | {
      readonly kind: 'replayed';
      readonly firstRequestId: string;
      readonly firstSeenAtMs: number;
      /** HTTP status of the answer that the first one's client got, 0 for none; absent while what became of it is not known. */
      readonly firstStatus?: number | undefined;
    }
  /** Claimed by a copy whose caller is not answered yet: ask again, for the claim may be withdrawn. */
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'outside_window' }
  | { readonly kind: 'doubt'; readonly reason: NonceDoubt };

/** State for readiness and metrics; reading it is cheap. */
export interface NonceStoreStatus {
  readonly entries: number;
  readonly maxEntries: number;
  /** Unix seconds; requests at or below are refused. 0 when nothing was lost. */
  readonly floorSeconds: number;
  /** Steps of the wall clock against the monotonic one that were noticed (docs/security-requirements.md#18). */
  readonly clockSteps: number;
  /** Why claims are refused right now, if they all are; absent when the store serves. */
  readonly unhealthy?: string;
}

/** Counts since the start, and states, of a store that may be out of reach. */
export interface SharedStoreFigures {
  readonly breaker: 'closed' | 'open' | 'half_open';
  /** Claims of which it was not known in time whether they were made; each was answered 503. */
  readonly unknownOutcomes: number;
  /** Claims that were taken back: unknown ones that turned out to have been made, and allows that were not given. */
  readonly withdrawals: number;
  /** Unknown claims that wait for the store to be taken back. */
  readonly withdrawalsOwed: number;
  /** Times at which state was lost, or may have been, and the floor was raised. */
  readonly stateLosses: number;
}

/** What became of an allow, told afterwards by whoever delivers requests (docs/adr/0026-undelivered-allows.md). */
export interface ClaimDelivery extends Pick<
  NonceClaim,
  'key' | 'identity' | 'timestampSeconds' | 'requestId'
> {
  /** `undelivered`: nothing of it was or will be sent. Only then is the claim given back. */
  readonly outcome: 'delivered' | 'undelivered' | 'unknown';
  /** HTTP status of the answer to its client, 0 for none. */
  readonly status: number;
  /** Called at most once, when this report has given the claim back. Must not throw. */
  readonly onWithdrawn: () => void;
}

/** What every store promises. A claim may answer synchronously: the memory store does, and saves a turn. */
export interface NonceStore {
  /** A name for logs and metrics: `memory`, `lmdb`, … */
  readonly name: string;
  /** Claims once, atomically, over every process that shares the store. Never throws, never rejects. */
  claim(claim: NonceClaim): ClaimOutcome | Promise<ClaimOutcome>;
  /**
   * Gives a claim back after it was won but never answered with an allow (deadline passed, audit failed).
   * Removes the entry only if it is still that of `requestId`. Never call it after an allow.
   */
  withdraw(claim: NonceClaim): void | Promise<void>;
  /**
   * Says that the winner of a claim is answered with an allow, so that it stands. Returns at once and never throws;
   * others who share the store learn it a moment later. Absent where nobody shares it: its one process knows.
   */
  settle?(claim: NonceClaim): void;
  /**
   * Takes in what became of allows. Each report is about the claim of its `requestId` alone, and the first one about a
   * claim counts: an undelivered one is withdrawn, of any other the status is kept with the entry. Returns at once and
   * never throws; others who share the store learn it a moment later.
   */
  noteDeliveries(deliveries: readonly ClaimDelivery[]): void;
  /**
   * For each key whether something stands under it of which it is not known yet what became of it. Cheap enough to be
   * asked many times a second. Never throws or rejects; what cannot be found out is awaited still.
   */
  areAwaited(keys: readonly Buffer[]): readonly boolean[] | Promise<readonly boolean[]>;
  status(): NonceStoreStatus;
  /** Rate limits that all who share the store count together; absent where the store has none. */
  readonly rateLimits?: RateLimits;
  /** Counts of a store behind a network, for metrics. */
  figures?(): SharedStoreFigures;
  /** Flushes and closes; later claims answer `store_unavailable`. */
  close(): Promise<void>;
}

/** Time as the stores see it; tests inject their own. */
export interface Clock {
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: () => number;
  /** Monotonic milliseconds from any origin. */
  readonly monotonicMs: () => number;
}

/** Time and bounds of a store. Every number is a whole one. How long a nonce is kept follows from the window alone. */
export interface NonceStoreOptions {
  readonly clock: Clock;
  /**
   * The widest window of any policy, in seconds. Every entry is kept for the widest window, because one signed
   * request is valid on every route of its identity: a nonce that a narrow policy has forgotten would be new
   * to a wide one. A claim that asks for more is judged by these.
   */
  readonly pastSkewSeconds: number;
  readonly futureSkewSeconds: number;
  /** Live entries the store holds at most; then it refuses (docs/security-requirements.md#21). */
  readonly maxEntries: number;
  /** Live entries that one identity may hold at most. */
  readonly maxEntriesPerIdentity: number;
  /** Disagreement of wall and monotonic clock, between two looks, that is called a step (docs/security-requirements.md#18). */
  readonly clockStepMs?: number;
  /** How long a stepped clock has to run evenly before it is believed again. */
  readonly clockSettleMs?: number;
}

/** First-seen times are kept in 32 bits of milliseconds beside the timestamp, which bounds the window. */
const MAX_SKEW_SECONDS = 86_400;
const MAX_ENTRIES = 1_000_000_000;

/** Throws `StorageError` on a number outside its bounds; called before anything is opened. */
export function checkNonceStoreOptions(options: NonceStoreOptions): void {
  const owner = 'nonce store';
  checkBounded(owner, 'pastSkewSeconds', options.pastSkewSeconds, [0, MAX_SKEW_SECONDS]);
  checkBounded(owner, 'futureSkewSeconds', options.futureSkewSeconds, [0, MAX_SKEW_SECONDS]);
  checkBounded(owner, 'maxEntries', options.maxEntries, [1, MAX_ENTRIES]);
  checkBounded(owner, 'maxEntriesPerIdentity', options.maxEntriesPerIdentity, [1, options.maxEntries]);
}

/** Whether the timestamp of a claim lies in its policy's window and the store's, as the claim is made. */
export function isClaimInsideWindow(
  claim: Pick<NonceClaim, 'timestampSeconds' | 'pastSkewSeconds' | 'futureSkewSeconds'>,
  options: Pick<NonceStoreOptions, 'pastSkewSeconds' | 'futureSkewSeconds'>,
  nowMs: number,
): boolean {
  return isInsideWindow(
    skewOf(claim.timestampSeconds, nowMs),
    Math.min(claim.pastSkewSeconds, options.pastSkewSeconds),
    Math.min(claim.futureSkewSeconds, options.futureSkewSeconds),
  );
}
