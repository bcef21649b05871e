/** What the Redis store is told beyond what every store is. */
import type { RedisSettings } from '../../storage/redis/settings.js';
import type { NonceStoreOptions } from '../nonce-store.js';

export interface RedisNonceStoreOptions extends NonceStoreOptions {
  /**
   * Where Redis is. Without `maxClockDifferenceMilliseconds` the clocks are not compared: for tests whose clock is
   * their own.
   */
  readonly redis: Omit<RedisSettings, 'maxClockDifferenceMilliseconds'> &
    Partial<Pick<RedisSettings, 'maxClockDifferenceMilliseconds'>>;
  /** Told, in a sentence, of each loss of state. */
  readonly report?: ((message: string) => void) | undefined;
  /** The state of keys that were made just now: that it is missing is no loss. */
  readonly isNew?: boolean;
}
