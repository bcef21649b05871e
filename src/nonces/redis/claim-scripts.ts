/**
 * What Redis does for a claim: making it, taking it back, saying that it stands. Each script in Lua, with how it is
 * run and its reply read; `claims.ts` decides on the reply. Lua common to all scripts is in `state-scripts.ts`.
 */
import { list, redisScript, text, unexpectedReply, whole } from '../../storage/redis/command.js';
import type { RedisConnection } from '../../storage/redis/connection.js';
import type { NonceClaim } from '../nonce-store.js';
import type { RedisNonceStoreOptions } from './options.js';
import { ADMITTED, LINEAGE, type RedisKeys } from './state-scripts.js';

/**
 * A value is "timestamp expires seen token request-id"; the last may hold anything. Before the token of a claim whose
 * caller is not answered yet stands "?ms.", when it was made by the clock of Redis; `SETTLE` takes that away. Before that
 * of one of which it is known what became of it stands "!status."; verifiers of an earlier version take it for the token.
 */
export const VALUE = `
local function parts(value)
  return string.match(value, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
end
local function sinceAndToken(stored)
  local mark, number, token = string.match(stored, '^([?!])(%d+)%.(.+)$')
  return mark == '?' and number or nil, token or stored, mark == '!' and number or nil
end
`;

/** One claim fewer in a count, if it is still counted. */
export const UNCOUNT = `
local function uncount(key, second)
  local held = redis.call('HMGET', key, 'n', second)
  if not held[2] then return end
  if held[2] == '1' then redis.call('HDEL', key, second) else redis.call('HSET', key, second, held[2] - 1) end
  redis.call('HSET', key, 'n', held[1] - 1)
end
`;

/**
 * Claims. KEYS: nonce, state, session, held, held of the identity. ARGV: generation, now ms, timestamp s, past s,
 * future s, greatest clock difference ms or '', the caller's own floor s, bound of all, bound of the identity,
 * token, request id, Redis time ms after which nobody waits for the answer, '1' when the claim may yet be given back.
 * A claim is kept 5 s longer than it counts, and twice the difference of clocks.
 * Replies `{'claimed', floor}`, `{'replayed', request id, seen ms, token, age ms or -1, status or -1}`, `{'below_floor', floor}`, `{'full'}`,
 * `{'quota'}`, `{'diverged', ms}`, `{'late'}` or `{'detached'}`; only the first of them has written a claim.
 */
const CLAIM = redisScript(`${LINEAGE}${ADMITTED}${VALUE}
local floor, past = admitted(KEYS[2], KEYS[3], ARGV[1])
if not floor then return {'detached'} end
local now, second = tonumber(ARGV[2]), tonumber(ARGV[3])
if ahead(0) > tonumber(ARGV[12]) then return {'late'} end
local margin = 5000
if ARGV[6] ~= '' then
  local difference = ahead(now)
  if math.abs(difference) > tonumber(ARGV[6]) then return {'diverged', difference} end
  margin = margin + 2 * tonumber(ARGV[6])
end
local first = redis.call('GET', KEYS[1])
local firstSecond, firstExpires, firstSeen, firstToken, firstId
if first then
  firstSecond, firstExpires, firstSeen, firstToken, firstId = parts(first)
  if tonumber(firstExpires) > now then
    local since, token, status = sinceAndToken(firstToken)
    local age = string.format('%d', since and math.max(0, ahead(since)) or -1)
    return {'replayed', firstId, firstSeen, token, age, status or '-1'}
  end
end
floor = math.max(floor, tonumber(ARGV[7]))
if second <= floor then return {'below_floor', string.format('%d', floor)} end
past = math.max(past, tonumber(ARGV[4]))
local through = math.floor(now / 1000) - past - 1

-- How many are remembered. Seconds that have passed are found now and forgotten after the first write, for a
-- full Redis must refuse that first write.
local function count(key)
  local held = redis.call('HMGET', key, 'n', 'low')
  local n, low, dead = tonumber(held[1] or 0), tonumber(held[2] or through), {}
  if low < through - 200 then
    local all = redis.call('HGETALL', key)
    for at = 1, #all, 2 do
      local old = tonumber(all[at])
      if old and old <= through then dead[#dead + 1] = all[at]; n = n - all[at + 1] end
    end
  elseif low < through then
    local seconds = {}
    for old = low + 1, through do seconds[#seconds + 1] = string.format('%d', old) end
    local counts = redis.call('HMGET', key, unpack(seconds))
    for at, old in ipairs(seconds) do
      if counts[at] then dead[#dead + 1] = old; n = n - counts[at] end
    end
  end
  return {key = key, n = n, low = math.max(low, through), dead = dead, fresh = not held[2] or low < through}
end
local all, own = count(KEYS[4]), count(KEYS[5])
if all.n >= tonumber(ARGV[8]) then return {'full'} end
if own.n >= tonumber(ARGV[9]) then return {'quota'} end

local expires = (second + past + 1) * 1000
local token = ARGV[10]
if ARGV[13] == '1' then token = string.format('?%d.%s', ahead(0), token) end
local value = string.format('%d %d %d %s %s', second, expires, now, token, ARGV[11])
local life = string.format('%d', math.max(1, expires - now + margin))
if first then
  redis.call('SET', KEYS[1], value, 'PX', life)
  if tonumber(firstSecond) > floor then redis.call('HSET', KEYS[2], 'floor', firstSecond) end
elseif not redis.call('SET', KEYS[1], value, 'NX', 'PX', life) then
  return redis.error_reply('the nonce appeared inside one atomic step')
end
local field = string.format('%d', second)
for _, held in ipairs({all, own}) do
  for _, old in ipairs(held.dead) do redis.call('HDEL', held.key, old) end
  if second > held.low then
    local before = tonumber(redis.call('HGET', held.key, field) or 0)
    redis.call('HSET', held.key, 'n', string.format('%d', held.n + 1), field, string.format('%d', before + 1))
  elseif #held.dead > 0 then
    redis.call('HSET', held.key, 'n', string.format('%d', held.n))
  end
  if held.fresh then
    redis.call('HSET', held.key, 'low', string.format('%d', held.low))
    redis.call('PEXPIRE', held.key, string.format('%d', (past + tonumber(ARGV[5]) + 2) * 1000 + margin))
  end
end
return {'claimed', string.format('%d', floor)}
`);

/** How a claim is asked for; times are Unix, in seconds or milliseconds as their names say. */
export interface ClaimRequest {
  readonly generation: number;
  readonly token: string;
  readonly nowMs: number;
  /** What the verifier refuses of its own accord. */
  readonly floorSeconds: number;
  /** By the clock of Redis: after it nobody waits for the answer. */
  readonly deadlineMs: number;
}

/** The part of the store's options that a claim is judged by: windows, bounds, clocks. */
export type ClaimOptions = Pick<
  RedisNonceStoreOptions,
  'pastSkewSeconds' | 'futureSkewSeconds' | 'maxEntries' | 'maxEntriesPerIdentity' | 'redis'
>;

export type ClaimReply =
  | { readonly kind: 'claimed'; readonly floorSeconds: number }
  | { readonly kind: 'below_floor'; readonly floorSeconds: number }
  | {
      readonly kind: 'replayed';
      readonly firstRequestId: string;
      readonly firstSeenAtMs: number;
      readonly token: string;
      /** Of a claim that may yet be given back: since it was made, by the clock of Redis. Absent: it stands. */
      readonly ageMs: number | undefined;
      /** As `ClaimOutcome.firstStatus`. */
      readonly status: number | undefined;
    }
  | { readonly kind: 'full' | 'quota' | 'late' | 'detached' | 'diverged' };

/** Rejects with the client's error, or on a reply that the script does not give. */
export async function runClaim(
  connection: RedisConnection,
  keys: RedisKeys,
  claim: NonceClaim,
  request: ClaimRequest,
  options: ClaimOptions,
): Promise<ClaimReply> {
  const reply = await connection.run(
    CLAIM,
    [keys.nonce(claim.key), keys.state, keys.session, keys.held, keys.heldBy(claim.identity)],
    [
      request.generation,
      request.nowMs,
      claim.timestampSeconds,
      options.pastSkewSeconds,
      options.futureSkewSeconds,
      options.redis.maxClockDifferenceMilliseconds ?? '',
      request.floorSeconds,
      options.maxEntries,
      options.maxEntriesPerIdentity,
      request.token,
      claim.requestId,
      request.deadlineMs,
      claim.standsAfterMs === undefined ? '' : 1,
    ],
  );
  return readClaimReply(list(reply));
}

function readClaimReply([kind, first, second, third, fourth, fifth]: readonly unknown[]): ClaimReply {
  switch (kind) {
    case 'claimed':
    case 'below_floor':
      return { kind, floorSeconds: whole(first) };
    case 'replayed': {
      const ageMs = whole(fourth);
      const status = whole(fifth);
      return {
        kind,
        firstRequestId: text(first),
        firstSeenAtMs: whole(second),
        token: text(third),
        ageMs: ageMs < 0 ? undefined : ageMs,
        status: status < 0 ? undefined : status,
      };
    }
    case 'full':
    case 'quota':
    case 'late':
    case 'detached':
    case 'diverged':
      return { kind };
    default:
      throw unexpectedReply();
  }
}

/**
 * Takes a claim back if it is still that of its owner. KEYS: nonce, held, held of the identity. ARGV: 'token' or
 * 'request', and its value. Replies the timestamp of what was removed, or -1.
 */
const WITHDRAW = redisScript(`${VALUE}${UNCOUNT}
local value = redis.call('GET', KEYS[1])
if not value then return -1 end
local second, _, _, stored, id = parts(value)
local _, token = sinceAndToken(stored)
if (ARGV[1] == 'token' and token or id) ~= ARGV[2] then return -1 end
redis.call('DEL', KEYS[1])
uncount(KEYS[2], second)
uncount(KEYS[3], second)
return tonumber(second)
`);

/** By what an entry is known to be that of its owner. */
export type ClaimOwner = readonly [field: 'token' | 'request', value: string];

/** Resolves with the timestamp of what was removed, undefined when nothing was; rejects with the client's error. */
export async function runWithdraw(
  connection: RedisConnection,
  keys: RedisKeys,
  claim: NonceClaim,
  owner: ClaimOwner,
): Promise<number | undefined> {
  const second = await connection.run(
    WITHDRAW,
    [keys.nonce(claim.key), keys.held, keys.heldBy(claim.identity)],
    owner,
  );
  return typeof second === 'number' && second >= 0 ? second : undefined;
}

/** Says that claims stand. KEYS: nonces. ARGV: a token for each. What is not there any longer is passed over. */
const SETTLE = redisScript(`${VALUE}
for at, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value then
    local second, expires, seen, stored, id = parts(value)
    local since, token = sinceAndToken(stored)
    if since and token == ARGV[at] then
      redis.call('SET', key, table.concat({second, expires, seen, token, id}, ' '), 'KEEPTTL')
    end
  end
end
return #KEYS
`);

/** Rejects with the client's error. */
export async function runSettle(
  connection: RedisConnection,
  keys: RedisKeys,
  claims: readonly (readonly [token: string, claim: NonceClaim])[],
): Promise<void> {
  await connection.run(
    SETTLE,
    claims.map(([, { key }]) => keys.nonce(key)),
    claims.map(([token]) => token),
  );
}

/** To be loaded before a claim is made. */
export const CLAIM_SCRIPTS = [CLAIM, WITHDRAW, SETTLE];
