/** The rate limit that all verifiers count together: the exact sliding window of `verify/rate-limiter.ts`, in Redis. */
import { createHash, randomBytes } from 'node:crypto';
import type { RateLimits, Reservation } from '../verify/rate-limiter.js';
import { refuse, type Refusal } from '../verify/refusal.js';
import type { RateLimit } from '../verify/snapshot.js';
import type { CircuitBreaker } from '../storage/redis/circuit-breaker.js';
import { redisFault } from '../storage/redis/fault.js';
import type { RedisLink } from '../storage/redis/link.js';
import type { RedisSettings } from '../storage/redis/settings.js';
import { RATE_LIMIT_SCRIPTS } from './redis-scripts.js';
import { deadline } from '../storage/redis/within.js';

/** What the limits work with. */
export interface RedisRateLimitsParts {
  readonly link: RedisLink;
  readonly breaker: CircuitBreaker;
  readonly isServing: () => boolean;
  readonly wake: () => void;
  readonly redis: Pick<RedisSettings, 'keyPrefix' | 'timeoutMilliseconds'>;
}

const TOKEN_BYTES = 12;

export class RedisRateLimits implements RateLimits {
  readonly #parts: RedisRateLimitsParts;

  constructor(parts: RedisRateLimitsParts) {
    this.#parts = parts;
  }

  /** Never rejects. Without an answer in time, a refusal; a slot that was taken all the same is given back. */
  reserve(limit: RateLimit, subject: string): Reservation | Refusal | Promise<Reservation | Refusal> {
    if (!this.#parts.isServing()) return unavailable();
    const key = this.#keyOf(limit.group, subject);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    return new Promise((answer) => {
      let waits = true;
      const cancel = deadline(this.#parts.redis.timeoutMilliseconds, () => {
        waits = false;
        this.#parts.breaker.failed();
        answer(unavailable());
      });
      this.#parts.link
        .run(RATE_LIMIT_SCRIPTS.reserve, [key], [limit.perMinute, token])
        .then((reply) => {
          cancel();
          if (waits) answer(this.#answered(reply, key, token));
          else if (reply === 0) this.#giveBack(key, token);
        })
        .catch((error: unknown) => {
          cancel();
          if (waits && redisFault(error).kind !== 'full') this.#parts.breaker.failed();
          this.#parts.wake();
          answer(unavailable());
        });
    });
  }

  #answered(reply: unknown, key: string, token: string): Reservation | Refusal {
    this.#parts.breaker.succeeded();
    if (reply === 0) return { kind: 'reserved', giveBack: () => this.#giveBack(key, token) };
    return typeof reply === 'number' ? { kind: 'limited', retryAfterSeconds: reply } : unavailable();
  }

  /** Not waited for, and not tried again: a slot that stays taken is free after a minute. */
  #giveBack(key: string, token: string): void {
    this.#parts.link.run(RATE_LIMIT_SCRIPTS.release, [key], [token]).catch(() => this.#parts.wake());
  }

  /** A hash, for the names of operators may be anything printable. */
  #keyOf(group: string, subject: string): string {
    const name = createHash('sha256')
      .update(JSON.stringify([group, subject]))
      .digest('base64url');
    return `${this.#parts.redis.keyPrefix}:rate:${name}`;
  }
}

function unavailable(): Refusal {
  return refuse('rate_limit_unavailable');
}
