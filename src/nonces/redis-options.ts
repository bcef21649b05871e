/** What the Redis store is told beyond what every store is. */
import type { RedisSettings } from '../config/redis-settings.js';
import type { NonceStoreOptions } from './store-options.js';

export interface RedisNonceStoreOptions extends NonceStoreOptions {
  /**
   * Where Redis is. Without `maxClockDifferenceMilliseconds` the clocks are not compared: for tests whose clock is
   * their own.
   */
  readonly redis: Omit<RedisSettings, 'maxClockDifferenceMilliseconds'> &
    Partial<Pick<RedisSettings, 'maxClockDifferenceMilliseconds'>>;
  /** Told, in a sentence, of what an operator should know: a loss of state, a fault, its end. */
  readonly report?: ((message: string) => void) | undefined;
  /** The state of keys that were made just now: that it is missing is no loss. */
  readonly isNew?: boolean;
}

/** Counts since the start, and states, for metrics. */
export interface RedisFigures {
  readonly breaker: 'closed' | 'open' | 'half_open';
  /** Claims of which it was not known in time whether they were made; each was answered 503. */
  readonly unknownOutcomes: number;
  /** Claims that were taken back: unknown ones that turned out to have been made, and allows that were not given. */
  readonly withdrawals: number;
  /** Unknown claims that wait for Redis to be taken back. */
  readonly withdrawalsOwed: number;
  /** Times at which state was found lost, or may have been, and the floor was raised. */
  readonly stateLosses: number;
}
