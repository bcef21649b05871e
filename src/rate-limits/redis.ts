/** The rate limit that all verifiers count together: the exact sliding window of `memory.ts`, in Redis. */
import { createHash, randomBytes } from 'node:crypto';
import type { RateLimits, Reservation } from '../verify/effects.js';
import { refuse, type Refusal } from '../verify/refusal.js';
import type { RateLimit } from '../verify/snapshot.js';
import { redisScript } from '../storage/redis/command.js';
import type { RedisConnection } from '../storage/redis/connection.js';
import type { RedisSettings } from '../storage/redis/settings.js';

/**
 * One place in an exact sliding window of 60 s by the clock of Redis, which all verifiers share. What lies ahead of
 * a clock that was set back counts as of now: a step frees nobody. KEYS: the window. ARGV: places, token.
 * Replies 0 when the place was taken, or the whole seconds until there may be one.
 */
const RESERVE = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = string.format('%d', now)
local places = tonumber(ARGV[1])
local gone = redis.call('ZCOUNT', KEYS[1], '-inf', string.format('%d', now - 60000))
local held = redis.call('ZCARD', KEYS[1]) - gone
for _, token in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. score, '+inf')) do
  redis.call('ZADD', KEYS[1], score, token)
end
if held >= places then
  local at = gone + held - places
  local leaves = redis.call('ZRANGE', KEYS[1], at, at, 'WITHSCORES')[2]
  return math.max(1, math.ceil(((leaves or now) + 60000 - now) / 1000))
end
redis.call('ZADD', KEYS[1], score, ARGV[2])
if gone > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, gone - 1) end
redis.call('PEXPIRE', KEYS[1], 60000)
return 0
`);

/** Gives a place back. KEYS: the window. ARGV: token. */
const RELEASE = redisScript(`return redis.call('ZREM', KEYS[1], ARGV[1])`);

/** To be loaded before a limit is asked. */
export const RATE_LIMIT_SCRIPTS = [RESERVE, RELEASE];

/** What the limits work with. */
interface RedisRateLimitsParts {
  readonly connection: RedisConnection;
  readonly isServing: () => boolean;
  /** Told when Redis has not answered as it should. */
  readonly onFault: () => void;
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
    const name = nameOf(limit.group, subject);
    const key = this.#keyOf(name);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const { connection, redis, onFault } = this.#parts;
    const reply = connection.run(RESERVE, [key], [limit.perMinute, token]);
    return connection.breaker.judge<unknown, Reservation | Refusal>(reply, redis.timeoutMilliseconds, {
      late: unavailable,
      answered: (seconds, inTime) => {
        if (!inTime && seconds === 0) this.#giveBack(key, token);
        if (seconds === 0)
          return {
            kind: 'reserved',
            giveBack: () => this.#giveBack(key, token),
            slot: `r${token} ${name}`,
          };
        return typeof seconds === 'number' ? { kind: 'limited', retryAfterSeconds: seconds } : unavailable();
      },
      failed: () => {
        onFault();
        return unavailable();
      },
    });
  }

  giveBack(slot: string): void {
    const [, token, name] = SLOT.exec(slot) ?? [];
    if (token !== undefined && name !== undefined) this.#giveBack(this.#keyOf(name), token);
  }

  /** Not waited for, and not tried again: a slot that stays taken is free after a minute. */
  #giveBack(key: string, token: string): void {
    this.#parts.connection.run(RELEASE, [key], [token]).catch(() => this.#parts.onFault());
  }

  #keyOf(name: string): string {
    return `${this.#parts.redis.keyPrefix}:rate:${name}`;
  }
}

/** A token, and the name of a window. */
const SLOT = /^r([A-Za-z0-9_-]{16}) ([A-Za-z0-9_-]{43})$/;

/** A hash, for the names of operators may be anything printable. */
function nameOf(group: string, subject: string): string {
  return createHash('sha256')
    .update(JSON.stringify([group, subject]))
    .digest('base64url');
}

function unavailable(): Refusal {
  return refuse('rate_limit_unavailable');
}
