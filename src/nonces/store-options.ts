/** What every nonce store is told, and the checks that a wrong value meets before anything is opened. */
import { StorageError } from '../storage/storage-error.js';
import type { Clock } from './nonce-store.js';

/** Time and bounds of a store. Every number is a whole one. */
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

/** Throws `StorageError` on a number outside its bounds. */
export function checkNonceStoreOptions(options: NonceStoreOptions): void {
  bounded('pastSkewSeconds', options.pastSkewSeconds, 0, MAX_SKEW_SECONDS);
  bounded('futureSkewSeconds', options.futureSkewSeconds, 0, MAX_SKEW_SECONDS);
  bounded('maxEntries', options.maxEntries, 1, MAX_ENTRIES);
  bounded('maxEntriesPerIdentity', options.maxEntriesPerIdentity, 1, options.maxEntries);
}

function bounded(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new StorageError(`nonce store: ${name} is ${value}; give a whole number from ${least} to ${most}`);
}
