/** What Redis is told of what became of allows, and what it is asked: each script in Lua, with how it is run and its reply read. */
import { list, redisScript } from '../../storage/redis/command.js';
import type { RedisConnection } from '../../storage/redis/connection.js';
import type { ClaimDelivery } from '../nonce-store.js';
import { UNCOUNT, VALUE } from './claim-scripts.js';
import type { RedisKeys } from './state-scripts.js';

/**
 * Takes in what became of allows. KEYS: held, then for each the nonce and held of the identity. ARGV: for each its
 * request id, and the status, or '-' for one that was not delivered. Passed over where another claim stands by now, or
 * it is known already what became of it. Replies for each 1 when its claim was taken away.
 */
const DELIVERED = redisScript(`${VALUE}${UNCOUNT}
local withdrawn = {}
for at = 1, #ARGV / 2 do
  local key, status = KEYS[2 * at], ARGV[2 * at]
  withdrawn[at] = 0
  local value = redis.call('GET', key)
  if value then
    local second, expires, seen, stored, id = parts(value)
    local _, token, known = sinceAndToken(stored)
    if id == ARGV[2 * at - 1] and not known then
      if status == '-' then
        redis.call('DEL', key)
        uncount(KEYS[1], second)
        uncount(KEYS[2 * at + 1], second)
        withdrawn[at] = 1
      else
        redis.call('SET', key, table.concat({second, expires, seen, '!' .. status .. '.' .. token, id}, ' '), 'KEEPTTL')
      end
    end
  end
end
return withdrawn
`);

/** Resolves with whether each was withdrawn now. Rejects with the client's error. */
export async function runDelivered(
  connection: RedisConnection,
  keys: RedisKeys,
  deliveries: readonly ClaimDelivery[],
): Promise<readonly boolean[]> {
  const reply = await connection.run(
    DELIVERED,
    [keys.held, ...deliveries.flatMap(({ key, identity }) => [keys.nonce(key), keys.heldBy(identity)])],
    deliveries.flatMap(({ requestId, outcome, status }) => [
      requestId,
      outcome === 'undelivered' ? '-' : status,
    ]),
  );
  return list(reply).map((withdrawn) => withdrawn === 1);
}

/** Which nonces are claimed without it being known what became of that. KEYS: nonces. Replies 1 or 0 for each. */
const AWAITED = redisScript(`${VALUE}
local awaited = {}
for at, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  local known = true
  if value then
    local _, _, _, stored = parts(value)
    local _, _, status = sinceAndToken(stored)
    known = status ~= nil
  end
  awaited[at] = known and 0 or 1
end
return awaited
`);

/** Rejects with the client's error. */
export async function runAwaited(
  connection: RedisConnection,
  keys: RedisKeys,
  nonces: readonly Buffer[],
): Promise<readonly boolean[]> {
  const reply = await connection.run(
    AWAITED,
    nonces.map((nonce) => keys.nonce(nonce)),
    [],
  );
  return list(reply).map((awaited) => awaited === 1);
}

/** To be loaded before anything is told or asked. */
export const DELIVERY_SCRIPTS = [DELIVERED, AWAITED];
