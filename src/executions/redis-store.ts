/**
 * The store that verifiers on several machines share, in the Redis of their nonces: what was submitted through one
 * replica is known to the signer on every other one. What Redis forgets, or does not say in time, is refused.
 */
import type { RedisSettings } from '../storage/redis/settings.js';
import { redisFault } from '../storage/redis/fault.js';
import { openRedisLink, type RedisLink } from '../storage/redis/link.js';
import type { RedisScript } from '../storage/redis/script.js';
import { within } from '../storage/redis/within.js';
import { checkExecutionBounds, type ExecutionBounds } from './execution-bounds.js';
import type { ExecutionPair, ExecutionStore } from './execution-store.js';
import { LookUps } from './look-ups.js';
import { pairKey, tenantKey } from './pair-keys.js';
import { EXECUTION_SCRIPTS } from './redis-scripts.js';

export interface RedisExecutionStoreOptions extends ExecutionBounds {
  readonly redis: Omit<RedisSettings, 'maxClockDifferenceMilliseconds'>;
}

/** How often a connection that is being made is looked at by those who wait for it. */
const LOOK_MS = 10;
/** So long without a good word from Redis, and the connection is made anew. */
const SILENCE_MS = 1_500;

/** Opens the store. Throws `ExecutionStoreError` on impossible bounds alone: a Redis that is absent may come. */
export function openRedisExecutionStore(options: RedisExecutionStoreOptions): ExecutionStore {
  checkExecutionBounds(options);
  return new RedisExecutionStore(options, openRedisLink(options.redis));
}

class RedisExecutionStore implements ExecutionStore {
  readonly name = 'redis';
  readonly #options: RedisExecutionStoreOptions;
  readonly #link: RedisLink;
  readonly #lookUps: LookUps;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #prefix: string;
  #closed = false;
  /** When Redis first did not answer, since it last did; monotonic ms. */
  #silentSinceMs: number | undefined;

  constructor(options: RedisExecutionStoreOptions, link: RedisLink) {
    this.#options = options;
    this.#link = link;
    this.#prefix = `${options.redis.keyPrefix}:{executions}:`;
    this.#lookUps = new LookUps((tenant, pairs) => this.#timesOf(tenant, pairs));
  }

  async remember(pair: ExecutionPair, nowMs: number): Promise<void> {
    if (this.#closed) throw new Error('the execution store is closed');
    const tenant = nameOf(tenantKey(pair.tenant));
    const { retentionSeconds, maxPerTenant, maxInAll } = this.#options;
    await this.#run(
      EXECUTION_SCRIPTS.keep,
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
    const atMs = await this.#lookUps.ask(nameOf(tenantKey(pair.tenant)), nameOf(pairKey(pair)));
    return atMs !== undefined && nowMs < atMs + this.#options.retentionSeconds * 1000;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
    this.#link.close();
  }

  /** When pairs of a tenant were last submitted, in their order; undefined for those that are unknown. */
  async #timesOf(tenant: string, pairs: readonly string[]): Promise<readonly (number | undefined)[]> {
    const reply = await this.#run(EXECUTION_SCRIPTS.lookUp, [this.#keyOf(tenant)], pairs);
    if (!Array.isArray(reply) || reply.length !== pairs.length)
      throw new Error('Redis gave a reply that the script does not give');
    return reply.map((time: unknown) => (time === null ? undefined : Number(time)));
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
    this.#underWay.add(answer);
    try {
      const reply = await answer;
      this.#silentSinceMs = undefined;
      return reply;
    } catch (error) {
      if (redisFault(error).kind === 'unknown') this.#endSilence();
      throw error;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  /** A server that has gone without a word leaves a connection over which nothing will ever come. */
  #endSilence(): void {
    const nowMs = performance.now();
    this.#silentSinceMs ??= nowMs;
    if (nowMs - this.#silentSinceMs < SILENCE_MS) return;
    this.#silentSinceMs = undefined;
    this.#link.reset();
  }

  async #send(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    await this.#untilReady();
    try {
      return await this.#link.run(script, keys, args);
    } catch (error) {
      if (!redisFault(error).message.startsWith('NOSCRIPT')) throw error;
      await this.#link.loadScripts(Object.values(EXECUTION_SCRIPTS));
      return await this.#link.run(script, keys, args);
    }
  }

  async #untilReady(): Promise<void> {
    const endMs = performance.now() + this.#options.redis.timeoutMilliseconds;
    while (!this.#link.isReady()) {
      if (performance.now() > endMs)
        throw new Error(`${this.#link.name} cannot be reached: ${this.#link.lastError() ?? 'not connected'}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

function nameOf(key: Buffer): string {
  return key.toString('base64url');
}
