/**
 * Which state of Redis claims rest on, who may claim on it, and what is lost with it: the keys, the scripts in Lua,
 * and how each of them is run and its reply read. Every script is one atomic step, and touches keys of one slot
 * alone. docs/adr/0004-redis.md tells why each of them looks the way it does.
 */
import { list, redisScript, text, unexpectedReply, whole } from '../../storage/redis/command.js';
import type { RedisConnection } from '../../storage/redis/connection.js';
import { failOverGraceSeconds } from '../../storage/redis/sentinels.js';
import { clocksApart } from '../../storage/redis/server-check.js';
import type { RedisNonceStoreOptions } from './options.js';

/** In a cluster the state is kept so many times, and every nonce has its place by its own hash. */
export const CLUSTER_SHARDS = 16;

/** The names of one shard. The braces put all of them into one slot (Redis Cluster specification, *Hash tags*). */
export class RedisKeys {
  /** Hash: lineage, run, epoch, floor, past, future. */
  readonly state: string;
  /** The generation under which this verifier may claim. */
  readonly session: string;
  /** Hash: how many claims are remembered, by the second of their timestamps. */
  readonly held: string;
  readonly #prefix: string;

  /** `verifier` names this process, and no other one ever. */
  constructor(prefix: string, shard: number, verifier: string) {
    this.#prefix = `${prefix}:{${shard}}:`;
    this.state = `${this.#prefix}state`;
    this.session = `${this.#prefix}session:${verifier}`;
    this.held = `${this.#prefix}held`;
  }

  /** A claim. */
  nonce(key: Buffer): string {
    return `${this.#prefix}n:${key.toString('base64url')}`;
  }

  /** As `held`, of one identity. */
  heldBy(identity: string): string {
    return `${this.#prefix}held:${identity}`;
  }
}

/** Which of `shards` a nonce is kept in: by bytes of a hash, and so evenly. */
export function shardOf(key: Buffer, shards: number): number {
  return key.readUInt32BE(key.length - 4) % shards;
}

/** A session that nobody renews ends: a day after its verifier has. */
const SESSION_MS = 86_400_000;

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
 * one than the caller knows has a floor over all that the caller has let in; another one may have been put back.
 * KEYS: state, session. ARGV: generation, now ms, past s, future s, greatest clock difference ms or '', epoch known to the caller or '', '1' when the caller has seen a
 * loss, '1' when missing state is no loss, life of the session ms, seconds for which others may still claim on the
 * server that this one has replaced.
 * Replies `{'attached', floor, epoch, what was lost or '', Redis time ms}`, `{'replica'}` or `{'diverged', ms}`.
 */
export const ATTACH = redisScript(`${LINEAGE}
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
`);

/** What a verifier knows as it attaches; times are Unix, in seconds or milliseconds as their names say. */
interface AttachRequest {
  readonly generation: number;
  readonly nowMs: number;
  /** Of its last attachment; else empty. */
  readonly epoch: string;
  readonly hasSeenLoss: boolean;
}

interface Attachment {
  readonly floorSeconds: number;
  readonly epoch: string;
  /** Why the floor was raised; empty when it was not. */
  readonly lost: string;
  readonly redisMs: number;
}

/**
 * Resolves with a sentence where the server or its clock does not allow it. Rejects with the client's error, or on a
 * reply that the script does not give.
 */
export async function runAttach(
  connection: RedisConnection,
  keys: RedisKeys,
  { generation, nowMs, epoch, hasSeenLoss }: AttachRequest,
  { pastSkewSeconds, futureSkewSeconds, redis, isNew }: RedisNonceStoreOptions,
): Promise<Attachment | string> {
  // A server that stands alone is replaced by itself alone: nobody can still claim on a former one.
  const graceSeconds =
    redis.deployment.kind === 'standalone' ? 0 : failOverGraceSeconds(redis.timeoutMilliseconds);
  const reply = await connection.run(
    ATTACH,
    [keys.state, keys.session],
    [
      generation,
      nowMs,
      pastSkewSeconds,
      futureSkewSeconds,
      redis.maxClockDifferenceMilliseconds ?? '',
      epoch,
      hasSeenLoss ? 1 : '',
      // What was there once is not new when it is missing.
      isNew === true && epoch === '' ? 1 : '',
      SESSION_MS,
      graceSeconds,
    ],
  );
  const [kind, first, newEpoch, lost, redisMs] = list(reply);
  if (kind === 'replica') return 'the Redis server is a replica: name its master, or the sentinels';
  if (kind === 'diverged') return clocksApart(whole(first));
  if (kind !== 'attached') throw unexpectedReply();
  return {
    floorSeconds: whole(first),
    epoch: text(newEpoch),
    lost: text(lost),
    redisMs: whole(redisMs),
  };
}

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
export const LOOK = redisScript(`${LINEAGE}${ADMITTED}
local floor = admitted(KEYS[1], KEYS[2], ARGV[1])
if not floor then return {'detached'} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'attached', string.format('%d', floor), string.format('%d', ahead(0)), redis.call('HGETALL', KEYS[3]),
  redis.call('HGET', KEYS[1], 'epoch') or ''}
`);

/** `held`: how many claims are remembered, by the second of their timestamps. */
interface LookReply {
  readonly floorSeconds: number;
  readonly redisMs: number;
  readonly held: ReadonlyMap<number, number>;
  readonly epoch: string;
}

/** Undefined when detached. Rejects with the client's error, or on a reply that the script does not give. */
export async function runLook(
  connection: RedisConnection,
  keys: RedisKeys,
  generation: number,
): Promise<LookReply | undefined> {
  const reply = await connection.run(LOOK, [keys.state, keys.session, keys.held], [generation, SESSION_MS]);
  const [kind, floor, redisMs, held, epoch] = list(reply);
  if (kind === 'detached') return undefined;
  if (kind !== 'attached') throw unexpectedReply();
  return {
    floorSeconds: whole(floor),
    redisMs: whole(redisMs),
    held: countsBySecond(list(held)),
    epoch: text(epoch),
  };
}

/** To be loaded before an attachment. */
export const STATE_SCRIPTS = [ATTACH, LOOK];

/** Field and value in turn; the fields that are no seconds are sums over the others. */
function countsBySecond(fields: readonly unknown[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const field = text(fields[at]);
    if (/^[0-9]{1,12}$/.test(field)) counts.set(Number(field), whole(fields[at + 1]));
  }
  return counts;
}
