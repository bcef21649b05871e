/**
 * The store that verifiers on several machines share, in the Redis of their nonces: what was submitted through one
 * replica is known to the signer on every other one. What Redis forgets, or does not say in time, is refused.
 *
 * Every script is one atomic step. All keys lie in one slot, for the bound in all is over all of them.
 * `<prefix>:{executions}:all` is a sorted set of every pair (its tenant's key before its own) by the time of its last
 * submission, and `<prefix>:{executions}:<tenant key>` one of each tenant's.
 */
import type { RedisConnectionSettings } from '../storage/redis/settings.js';
import {
  list,
  redisFault,
  redisScript,
  unexpectedReply,
  type RedisScript,
} from '../storage/redis/command.js';
import { within } from '../storage/deadline.js';
import { RedisConnection } from '../storage/redis/connection.js';
import { TurnBatcher } from '../storage/turn-batcher.js';
import {
  checkExecutionBounds,
  isRetained,
  pairKey,
  tenantKey,
  type ExecutionBounds,
  type ExecutionPair,
  type ExecutionStore,
} from './execution-store.js';

/**
 * Keeps a pair. KEYS: the tenant's, all. ARGV: what the keys of tenants begin with, tenant key, pair key, now ms,
 * retention ms, pairs of one tenant, pairs in all.
 * The first write is the one that a full Redis refuses. Deletions are few, so that nobody waits, and more than one,
 * so that a backlog ends.
 */
const KEEP = redisScript(`
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
`);

/** When pairs of one tenant were last submitted. KEYS: the tenant's. ARGV: pair keys. Replies milliseconds or nil, of each. */
const LOOK_UP = redisScript(`return redis.call('ZMSCORE', KEYS[1], unpack(ARGV))`);

interface RedisExecutionStoreOptions extends ExecutionBounds {
  readonly redis: RedisConnectionSettings;
}

/** Look-ups in one question: a script takes only so many arguments, and others should not wait long for it. */
const LOOK_UPS_AT_ONCE = 500;

/** When a pair of a tenant was last submitted, undefined where it is unknown. */
interface LookUp {
  readonly tenant: string;
  readonly pair: string;
  readonly answer: (atMs: number | undefined) => void;
  readonly failed: (reason: unknown) => void;
}

/** How often a connection that is being made is looked at by those who wait for it. */
const LOOK_MS = 10;

/** Opens the store. Throws `StorageError` on impossible bounds alone: a Redis that is absent may come. */
export function openRedisExecutionStore(options: RedisExecutionStoreOptions): ExecutionStore {
  checkExecutionBounds(options);
  return new RedisExecutionStore(options, new RedisConnection(options.redis));
}

class RedisExecutionStore implements ExecutionStore {
  readonly name = 'redis';
  readonly #options: RedisExecutionStoreOptions;
  readonly #connection: RedisConnection;
  /** Of one turn of the event loop: an answer names many pairs. */
  readonly #lookUps = new TurnBatcher<LookUp>({
    handle: (batch) => this.#lookUp(batch),
    maxItems: LOOK_UPS_AT_ONCE,
  });
  readonly #pending = new Set<Promise<unknown>>();
  readonly #prefix: string;
  #closed = false;

  constructor(options: RedisExecutionStoreOptions, connection: RedisConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#prefix = `${options.redis.keyPrefix}:{executions}:`;
  }

  async remember(pair: ExecutionPair, nowMs: number): Promise<void> {
    if (this.#closed) throw new Error('the execution store is closed');
    const tenant = nameOf(tenantKey(pair.tenant));
    const { retentionSeconds, maxPerTenant, maxInAll } = this.#options;
    await this.#run(
      KEEP,
      [this.#keyOf(tenant), `${this.#prefix}all`],
      [
        this.#prefix,
        tenant,
        nameOf(pairKey(pair)),
        Math.max(0, Math.floor(nowMs)),
        retentionSeconds * 1000,
        maxPerTenant,
        maxInAll,
      ],
    );
  }

  async has(pair: ExecutionPair, nowMs: number): Promise<boolean> {
    if (this.#closed) return false;
    const atMs = await new Promise<number | undefined>((answer, failed) =>
      this.#lookUps.add({
        tenant: nameOf(tenantKey(pair.tenant)),
        pair: nameOf(pairKey(pair)),
        answer,
        failed,
      }),
    );
    return atMs !== undefined && isRetained(atMs, nowMs, this.#options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#pending);
    this.#connection.close();
  }

  /** One question for each tenant. */
  #lookUp(batch: readonly LookUp[]): true {
    for (const tenant of new Set(batch.map((lookUp) => lookUp.tenant)))
      void this.#lookUpOf(
        tenant,
        batch.filter((lookUp) => lookUp.tenant === tenant),
      );
    return true;
  }

  async #lookUpOf(tenant: string, lookUps: readonly LookUp[]): Promise<void> {
    try {
      const pairs = lookUps.map(({ pair }) => pair);
      const times = list(await this.#run(LOOK_UP, [this.#keyOf(tenant)], pairs));
      if (times.length !== pairs.length) throw unexpectedReply();
      for (const [at, { answer }] of lookUps.entries())
        answer(times[at] === null ? undefined : Number(times[at]));
    } catch (error) {
      for (const { failed } of lookUps) failed(error);
    }
  }

  #keyOf(tenant: string): string {
    return `${this.#prefix}${tenant}`;
  }

  /** Within the time of one command, whether that is spent on connecting or on the answer. */
  async #run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const answer = within(this.#send(script, keys, args), this.#options.redis.timeoutMilliseconds);
    this.#pending.add(answer);
    try {
      return await answer;
    } catch (error) {
      this.#connection.endUnanswered();
      throw error;
    } finally {
      this.#pending.delete(answer);
    }
  }

  async #send(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    await this.#untilReady();
    try {
      return await this.#connection.run(script, keys, args);
    } catch (error) {
      if (!redisFault(error).message.startsWith('NOSCRIPT')) throw error;
      await this.#connection.loadScripts([KEEP, LOOK_UP]);
      return await this.#connection.run(script, keys, args);
    }
  }

  async #untilReady(): Promise<void> {
    const endMs = performance.now() + this.#options.redis.timeoutMilliseconds;
    while (!this.#connection.isReady()) {
      if (performance.now() > endMs)
        throw new Error(
          `${this.#connection.name} cannot be reached: ${this.#connection.lastError() ?? 'not connected'}`,
        );
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

function nameOf(key: Buffer): string {
  return key.toString('base64url');
}
