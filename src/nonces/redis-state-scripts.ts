/** Which state of Redis claims rest on, who may claim on it, and what is lost with it. Lua; see `redis-scripts.ts`. */

/** The replication id changes whenever the data may have: with a restart, a promotion, a full resynchronisation. */
export const LINEAGE = `
local function lineage()
  local info = redis.call('INFO', 'replication')
  return string.match(info, 'role:(%a+)'), string.match(info, 'master_replid:(%x+)'),
    string.match(info, 'master_replid2:(%x+)')
end
local function ahead(now)
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) - now
end
`;

/**
 * Makes this verifier one of those that may claim. An epoch begins with each loss, by the clock of its server: a later
 * one than the caller knows has a floor over all that the caller has let in; another one may have been put back. KEYS: state, session. ARGV: generation, now ms, past s,
 * future s, greatest clock difference ms or '', epoch known to the caller or '', '1' when the caller has seen a
 * loss, '1' when missing state is no loss, life of the session ms, seconds for which others may still claim on the
 * server that this one has replaced.
 * Replies `{'attached', floor, epoch, what was lost or '', Redis time ms}`, `{'replica'}` or `{'diverged', ms}`.
 */
export const ATTACH = `${LINEAGE}
local role, id, id2 = lineage()
if role ~= 'master' then return {'replica'} end
local now, past, future = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local difference = ahead(now)
local latest = now
if ARGV[5] ~= '' then
  local allowed = tonumber(ARGV[5])
  if math.abs(difference) > allowed then return {'diverged', difference} end
  latest = math.max(now, now + difference + allowed)
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local state = redis.call('HMGET', KEYS[1], 'lineage', 'run', 'epoch', 'floor', 'past', 'future')
local epoch, floor = state[3] or '', tonumber(state[4] or 0)
local oldPast = tonumber(state[5] or past)
local widest = math.max(future, tonumber(state[6] or 0))
local lost = ''
if not state[1] then
  if ARGV[8] ~= '1' then lost = 'the state is missing' end
elseif state[1] ~= id and not (state[2] == run and string.match(id2, '^0+$')) then
  lost = 'another server, or a restarted one'
elseif ARGV[7] == '1' then
  lost = 'seen by this verifier'
elseif ARGV[6] ~= '' and ARGV[6] ~= epoch then
  lost = 'already seen by another verifier'
end
local covered = false
if lost == 'already seen by another verifier' and ARGV[5] ~= '' then
  local function second(of) return tonumber(string.match(of, '^(%d+)') or 0) end
  covered = second(ARGV[6]) + 1 + 2 * tonumber(ARGV[5]) / 1000 < second(epoch)
end
if lost ~= '' and not covered then floor = math.max(floor, math.floor(latest / 1000) + widest + tonumber(ARGV[10])) end
if past > oldPast then floor = math.max(floor, math.floor(now / 1000) - oldPast - 1) end
if epoch == '' or (lost ~= '' and lost ~= 'already seen by another verifier') then
  local time = redis.call('TIME')
  epoch = time[1] .. '.' .. time[2] .. '.' .. string.sub(id, 1, 8)
end
redis.call('HSET', KEYS[1], 'lineage', id, 'run', run, 'epoch', epoch, 'floor', string.format('%d', floor),
  'past', string.format('%d', math.max(past, oldPast)), 'future', string.format('%d', widest))
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[9])
return {'attached', string.format('%d', floor), epoch, lost, string.format('%d', now + difference)}
`;

/** Whether the caller may still claim here, and on the state that it knows. */
export const ADMITTED = `
local function admitted(state, session, generation)
  if redis.call('GET', session) ~= generation then return false end
  local found = redis.call('HMGET', state, 'lineage', 'floor', 'past')
  local role, id = lineage()
  if role ~= 'master' or found[1] ~= id then return false end
  return tonumber(found[2]), tonumber(found[3])
end
`;

/**
 * Looks whether a claim would be taken, by a small write that a full or read-only Redis refuses. KEYS: state,
 * session, held. ARGV: generation, life of the session ms.
 * Replies `{'attached', floor, Redis time ms, held as a flat list, epoch}` or `{'detached'}`.
 */
export const LOOK = `${LINEAGE}${ADMITTED}
local floor = admitted(KEYS[1], KEYS[2], ARGV[1])
if not floor then return {'detached'} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'attached', string.format('%d', floor), string.format('%d', ahead(0)), redis.call('HGETALL', KEYS[3]),
  redis.call('HGET', KEYS[1], 'epoch') or ''}
`;
