/**
 * The pairs in Redis: every script is one atomic step. All keys lie in one slot, for the bound in all is over all of
 * them. `<prefix>:{executions}:all` is a sorted set of every pair (its tenant's key before its own) by the time of its
 * last submission, and `<prefix>:{executions}:<tenant key>` one of each tenant's.
 */
import { redisScript } from '../storage/redis/script.js';

/**
 * Keeps a pair. KEYS: the tenant's, all. ARGV: what the keys of tenants begin with, tenant key, pair key, now ms,
 * retention ms, pairs of one tenant, pairs in all.
 * The first write is the one that a full Redis refuses. Deletions are few, so that nobody waits, and more than one,
 * so that a backlog ends.
 */
const KEEP = `
local AT_ONCE, WIDTH = 4, string.len(ARGV[2])
local now, retention = tonumber(ARGV[4]), tonumber(ARGV[5])
local own = ARGV[2] .. ARGV[3]
redis.call('ZADD', KEYS[2], string.format('%d', now), own)
redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[3])
local function forget(member)
  if member == own then return end
  redis.call('ZREM', KEYS[2], member)
  redis.call('ZREM', ARGV[1] .. string.sub(member, 1, WIDTH), string.sub(member, WIDTH + 1))
end
local function forgetOldest(key, bound, prefix)
  local surplus = redis.call('ZCARD', key) - bound
  if surplus <= 0 then return end
  for _, member in ipairs(redis.call('ZRANGE', key, 0, math.min(surplus, AT_ONCE))) do
    if surplus > 0 and prefix .. member ~= own then
      forget(prefix .. member)
      surplus = surplus - 1
    end
  end
end
local through = string.format('%d', now - retention)
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', through, 'LIMIT', 0, AT_ONCE)) do
  forget(member)
end
forgetOldest(KEYS[1], tonumber(ARGV[6]), ARGV[2])
forgetOldest(KEYS[2], tonumber(ARGV[7]), '')
redis.call('PEXPIRE', KEYS[1], string.format('%d', retention + 60000))
redis.call('PEXPIRE', KEYS[2], string.format('%d', retention + 60000))
return 1
`;

/** When pairs of one tenant were last submitted. KEYS: the tenant's. ARGV: pair keys. Replies milliseconds or nil, of each. */
const LOOK_UP = `return redis.call('ZMSCORE', KEYS[1], unpack(ARGV))`;

/** The scripts of the execution store by name. */
export const EXECUTION_SCRIPTS = {
  keep: redisScript(KEEP),
  lookUp: redisScript(LOOK_UP),
} as const;
