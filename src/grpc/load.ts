/** How much one process takes on before it says no, and who hears of it. */

/**
 * Why a call is not begun: too many wait, or too many bytes; it would be begun too late for its caller; its caller
 * has reset it meanwhile, and there is nobody to answer.
 */
export type ShedReason = 'queue_full' | 'bytes' | 'deadline' | 'cancelled';

/** Bounds of what waits for its turn. */
export interface LoadLimits {
  /** Calls that wait at once. */
  readonly maxWaiting: number;
  /** Bytes of messages that are here, whole or in part, waiting or under way. */
  readonly maxHeldBytes: number;
}

/** Told of what happens to calls that could not be begun at once. */
export interface LoadObserver {
  /** A call that waited is begun. */
  waited(milliseconds: number): void;
  shed(reason: ShedReason): void;
  /** So many streams have ended below this code, refused by nghttp2: nobody was served, and nobody else tells. */
  unseen?(streams: number): void;
}

const MEBIBYTE = 1_048_576;

/** For servers that are told nothing. */
export const DEFAULT_LOAD_LIMITS: LoadLimits = { maxWaiting: 1_024, maxHeldBytes: 64 * MEBIBYTE };

/** Tells nobody. */
export const NO_OBSERVER: LoadObserver = { waited: () => undefined, shed: () => undefined };
