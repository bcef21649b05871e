/** The rate limit that verifiers share, in Lua: each script is one atomic step. */
import { redisScript } from '../storage/redis/script.js';

/**
 * One place in an exact sliding window of 60 s by the clock of Redis, which all verifiers share. What lies ahead of
 * a clock that was set back counts as of now: a step frees nobody. KEYS: the window. ARGV: places, token.
 * Replies 0 when the place was taken, or the whole seconds until there may be one.
 */
const RESERVE = `
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
`;

/** Gives a place back. KEYS: the window. ARGV: token. */
const RELEASE = `return redis.call('ZREM', KEYS[1], ARGV[1])`;

/** By name. */
export const RATE_LIMIT_SCRIPTS = {
  reserve: redisScript(RESERVE),
  release: redisScript(RELEASE),
} as const;
