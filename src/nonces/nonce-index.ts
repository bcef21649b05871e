/**
 * The index in memory behind the stores `memory` and `lmdb`: is this claim the first of its nonce? Nothing here waits or
 * touches a disk; whoever owns the index says what the time is.
 */
import {
  isClaimInsideWindow,
  type ClaimDelivery,
  type ClaimOutcome,
  type NonceClaim,
  type NonceDoubt,
  type NonceStoreOptions,
} from './nonce-store.js';
import { NonceTable } from './nonce-table.js';

const CLAIMED: ClaimOutcome = { kind: 'claimed' };
const OUTSIDE_WINDOW: ClaimOutcome = { kind: 'outside_window' };

/** An entry as it is restored from a journal. */
export interface RememberedClaim {
  readonly key: Buffer;
  readonly timestampSeconds: number;
  readonly seenAtMs: number;
  readonly identity: string;
  readonly requestId: string;
}

export class NonceIndex {
  readonly #options: NonceStoreOptions;
  readonly #table = new NonceTable();
  readonly #counts = new EntryCounts();
  readonly #identities = new Map<string, number>();
  #floorSeconds = 0;
  #forgottenThroughSeconds = 0;

  constructor(options: NonceStoreOptions) {
    this.#options = options;
  }

  entries(): number {
    return this.#counts.total();
  }

  /** Timestamps up to and including this one are refused, since something of them was lost. 0: nothing was. */
  floorSeconds(): number {
    return this.#floorSeconds;
  }

  /**
   * Timestamps up to and including this one have been forgotten in the ordinary course of time. It is a floor
   * too, and what makes a clock that goes forward and back harmless; an even clock never gets to see it.
   */
  forgottenThroughSeconds(): number {
    return this.#forgottenThroughSeconds;
  }

  /** Raises the floor (docs/security-requirements.md#17); a lower one is ignored. */
  raiseFloor(floorSeconds: number): void {
    this.#floorSeconds = Math.max(this.#floorSeconds, floorSeconds);
  }

  /** Forgets timestamps up to and including this one, as another owner of the same nonces has. */
  forgetThrough(timestampSeconds: number): void {
    if (timestampSeconds <= this.#forgottenThroughSeconds) return;
    this.#forgottenThroughSeconds = timestampSeconds;
    this.#table.killThrough(timestampSeconds);
    this.#counts.dropThrough(timestampSeconds);
  }

  /** Forgets what the widest window no longer reaches: an entry lives until `timestamp + pastSkew + 1 s`. */
  advance(nowMs: number): void {
    this.forgetThrough(Math.floor(nowMs / 1000) - this.#options.pastSkewSeconds - 1);
  }

  /** Decides a claim at `nowMs`, and remembers it when it is the first. */
  claim(claim: NonceClaim, nowMs: number): ClaimOutcome {
    this.advance(nowMs);
    if (!isClaimInsideWindow(claim, this.#options, nowMs)) return OUTSIDE_WINDOW;
    const first = this.#table.find(claim.key);
    if (first !== undefined) {
      const { requestId: firstRequestId, seenAtMs: firstSeenAtMs, status: firstStatus } = first;
      return { kind: 'replayed', firstRequestId, firstSeenAtMs, firstStatus };
    }
    const identity = this.#identityIndex(claim.identity);
    const reason = this.#doubt(claim, identity);
    if (reason !== undefined) return { kind: 'doubt', reason };
    this.#add(claim.key, claim, identity, nowMs);
    return CLAIMED;
  }

  /** Takes a claim back if it is still that of `requestId`; false when it is not. */
  withdraw(key: Buffer, requestId: string): boolean {
    const entry = this.#table.find(key);
    if (entry?.requestId !== requestId) return false;
    this.#table.remove(key);
    this.#counts.add(entry.timestampSeconds, entry.identity, -1);
    return true;
  }

  /** Keeps the status of the first answer to the client of `requestId`; false where another claim stands, or one is known. */
  noteStatus(key: Buffer, requestId: string, status: number): boolean {
    const entry = this.#table.find(key);
    if (entry?.requestId !== requestId || entry.status !== undefined) return false;
    this.#table.setStatus(key, status);
    return true;
  }

  /** As `withdraw`, of a claim that was not delivered; false also where it is known already what became of it. */
  withdrawUndelivered(key: Buffer, requestId: string): boolean {
    return this.#table.find(key)?.status === undefined && this.withdraw(key, requestId);
  }

  /** Keeps a status of the claim that stands now. */
  restoreStatus(key: Buffer, status: number): void {
    if (this.#table.find(key) !== undefined) this.#table.setStatus(key, status);
  }

  /** Whether something stands under a key of which it is not known what became of it. */
  isAwaited(key: Buffer): boolean {
    const entry = this.#table.find(key);
    return entry !== undefined && entry.status === undefined;
  }

  /** Takes in what a journal remembers, whatever the bounds say: it has happened. False when it is known, or over. */
  restore(claim: RememberedClaim): boolean {
    if (claim.timestampSeconds <= this.#forgottenThroughSeconds) return false;
    if (this.#table.find(claim.key) !== undefined) return false;
    this.#add(claim.key, claim, this.#identityIndex(claim.identity), claim.seenAtMs);
    return true;
  }

  /** Empties the index for restoring it anew; both floors stay. */
  clear(): void {
    this.#table.clear();
    this.#counts.clear();
  }

  #doubt(claim: NonceClaim, identity: number): NonceDoubt | undefined {
    const floor = Math.max(this.#floorSeconds, this.#forgottenThroughSeconds);
    if (claim.timestampSeconds <= floor) return 'below_floor';
    if (this.#counts.total() >= this.#options.maxEntries) return 'store_full';
    if (this.#counts.heldBy(identity) >= this.#options.maxEntriesPerIdentity) return 'quota_exceeded';
    return undefined;
  }

  #add(
    key: Buffer,
    claim: Omit<RememberedClaim, 'key' | 'identity' | 'seenAtMs'>,
    identity: number,
    seenAtMs: number,
  ): void {
    const { timestampSeconds, requestId } = claim;
    this.#table.add(key, { timestampSeconds, seenAtMs, identity, requestId });
    this.#counts.add(timestampSeconds, identity, 1);
  }

  #identityIndex(identity: string): number {
    let index = this.#identities.get(identity);
    if (index === undefined) {
      index = this.#identities.size;
      this.#identities.set(identity, index);
    }
    return index;
  }
}

/**
 * What a report changes: the claim of its request id is withdrawn, or its status noted; nothing where another claim
 * stands by now, or it is known already what became of it.
 */
export function noteDelivery(
  index: NonceIndex,
  { key, requestId, outcome, status }: ClaimDelivery,
): 'withdrawn' | 'noted' | undefined {
  if (outcome === 'undelivered') return index.withdrawUndelivered(key, requestId) ? 'withdrawn' : undefined;
  return index.noteStatus(key, requestId, status) ? 'noted' : undefined;
}

/** The entries of one timestamp: they all die together. */
interface TimestampCounts {
  total: number;
  readonly byIdentity: Map<number, number>;
}

/**
 * How many entries live, in all and per identity, kept by their timestamps: an entry's timestamp says in which second it
 * expires, so counting out what expires is subtracting a sum.
 */
class EntryCounts {
  readonly #byTimestamp = new Map<number, TimestampCounts>();
  readonly #held: number[] = [];
  #total = 0;
  #droppedThroughSeconds = 0;

  total(): number {
    return this.#total;
  }

  heldBy(identity: number): number {
    return this.#held[identity] ?? 0;
  }

  add(timestampSeconds: number, identity: number, entries: 1 | -1): void {
    let counts = this.#byTimestamp.get(timestampSeconds);
    if (counts === undefined) {
      counts = { total: 0, byIdentity: new Map() };
      this.#byTimestamp.set(timestampSeconds, counts);
    }
    counts.total += entries;
    counts.byIdentity.set(identity, (counts.byIdentity.get(identity) ?? 0) + entries);
    this.#count(identity, entries);
  }

  /** Counts out every timestamp up to and including `timestampSeconds`. Costs nothing within one second. */
  dropThrough(timestampSeconds: number): void {
    if (timestampSeconds <= this.#droppedThroughSeconds) return;
    this.#droppedThroughSeconds = timestampSeconds;
    for (const [timestamp, counts] of this.#byTimestamp) {
      if (timestamp > timestampSeconds) continue;
      for (const [identity, entries] of counts.byIdentity) this.#count(identity, -entries);
      this.#byTimestamp.delete(timestamp);
    }
  }

  clear(): void {
    this.#byTimestamp.clear();
    this.#held.length = 0;
    this.#total = 0;
  }

  #count(identity: number, entries: number): void {
    this.#total += entries;
    this.#held[identity] = this.heldBy(identity) + entries;
  }
}
