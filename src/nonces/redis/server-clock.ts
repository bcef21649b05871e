/**
 * What this verifier knows of the clock of one Redis: what it said when, and whether it has jumped since. Jumps are
 * measured by our monotonic clock, so that a step of our wall clock is not taken for one of Redis.
 */
import type { Clock } from '../nonce-store.js';
import type { RedisNonceStoreOptions } from './options.js';
import { clocksApart } from '../../storage/redis/server-check.js';

/** What was seen in a reply to a look. */
interface RedisClockSight {
  /** It jumped since it was seen before, by more than the clocks may be apart. */
  readonly jumped: boolean;
  /** In words, that it is too far from our wall clock now; undefined when it is not. */
  readonly fault: string | undefined;
}

const NOTHING_SEEN: RedisClockSight = { jumped: false, fault: undefined };

/** A reading of it. */
interface Reading {
  /** What it said, Unix ms. */
  readonly redisMs: number;
  /** By our clock, monotonic ms. */
  readonly atMs: number;
  /** How long question and answer took. */
  readonly tripMs: number;
}

export class RedisClock {
  readonly #clock: Clock;
  readonly #redis: RedisNonceStoreOptions['redis'];
  #last: Reading | undefined;

  constructor({ clock, redis }: Pick<RedisNonceStoreOptions, 'clock' | 'redis'>) {
    this.#clock = clock;
    this.#redis = redis;
  }

  /** Believes `redisMs`, Unix ms, which answers a question of `sentMs`, our monotonic ms: all anew from here. */
  set(redisMs: number, sentMs: number): void {
    this.#last = { redisMs, atMs: sentMs, tripMs: this.#clock.monotonicMs() - sentMs };
  }

  /** By the clock of Redis, Unix ms: when the caller of a command that goes out now will have been answered without it. */
  deadlineMs(): number {
    const nowMs = this.#clock.monotonicMs();
    const { redisMs, atMs } = this.#last ?? { redisMs: 0, atMs: nowMs };
    return Math.ceil(redisMs + (nowMs - atMs) + this.#redis.timeoutMilliseconds);
  }

  /**
   * Compares `redisMs`, which answers a question of `sentMs`, with the reading before and with our wall clock, and
   * keeps it. Where the clocks are not to be compared, nothing is ever wrong.
   */
  watch(redisMs: number, sentMs: number): RedisClockSight {
    const atMs = this.#clock.monotonicMs();
    const tripMs = atMs - sentMs;
    // A reply that lay about says too little about now.
    if (tripMs > this.#redis.timeoutMilliseconds) return NOTHING_SEEN;
    const before = this.#last;
    this.#last = { redisMs, atMs, tripMs };
    const allowedMs = this.#redis.maxClockDifferenceMilliseconds;
    if (before === undefined || allowedMs === undefined) return NOTHING_SEEN;
    const jumpMs = redisMs - before.redisMs - (atMs - before.atMs);
    const apartMs = redisMs - this.#clock.nowMs();
    return {
      // How long a reply was on its way is no step of a clock.
      jumped: Math.abs(jumpMs) > allowedMs + tripMs + before.tripMs,
      fault: Math.abs(apartMs) > allowedMs + tripMs ? clocksApart(apartMs) : undefined,
    };
  }
}
