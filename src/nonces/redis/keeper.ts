/**
 * Keeps the shards attached: looks at Redis all the time, finds out what is wrong with it, and has service back
 * as soon as it is right again. The only one who closes an open breaker.
 */
import type { CircuitBreaker } from '../../storage/redis/circuit-breaker.js';
import type { ClockGuard } from '../clock-guard.js';
import { redisFault } from '../../storage/redis/fault.js';
import type { RedisLink } from '../../storage/redis/link.js';
import { readServerFacts, serverFault } from '../../storage/redis/server-check.js';
import type { RedisNonceStoreOptions } from './options.js';
import { REDIS_SCRIPTS } from './scripts.js';
import type { RedisShard } from './shard.js';
import { within } from '../../storage/redis/within.js';

/** How often Redis is looked at while something is wrong; a multiple of it while nothing is. */
const TICK_MS = 100;
const TICKS_WHEN_WELL = 2;
/** How often the servers' settings are read again. */
const SERVER_CHECK_MS = 1_000;
/** So long without a good word from Redis, and the connection is made anew: it may lead nowhere. */
const SILENCE_MS = 1_500;

/** What a keeper looks after. */
export interface KeeperParts {
  readonly link: RedisLink;
  readonly shards: readonly RedisShard[];
  readonly breaker: CircuitBreaker;
  readonly guard: ClockGuard;
  readonly options: RedisNonceStoreOptions;
}

export class RedisKeeper {
  readonly #parts: KeeperParts;
  readonly #timer: NodeJS.Timeout;
  #fault: string | undefined = 'Redis has not answered yet';
  #round: Promise<void> | undefined;
  #ticksUntilLook = 0;
  #serverCheckedAtMs = Number.NEGATIVE_INFINITY;
  #evictedKeys: number | undefined;
  /** When Redis last said something, or was last given another connection; monotonic ms. */
  #heardAtMs = performance.now();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS).unref();
  }

  /** Why nothing can be claimed; undefined when it can. */
  fault(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    if (!this.#parts.link.isReady()) return this.#unreachable();
    if (!this.#parts.link.isVouchedFor())
      return `the sentinels have not named ${this.#parts.link.name} of late`;
    if (this.#parts.shards.some((shard) => !shard.isAttached()))
      return `the state in ${this.#parts.link.name} has to be looked at again`;
    return this.#parts.breaker.isClosed() ? undefined : `${this.#parts.link.name} does not answer in time`;
  }

  /** Something was noticed: looks at once, if no look is under way. */
  wake(): void {
    this.#ticksUntilLook = 0;
    this.#tick();
  }

  /** Resolves when all is well, or after `atMostMs`. */
  async settle(atMostMs: number): Promise<void> {
    const endMs = performance.now() + atMostMs;
    while (this.#fault !== undefined && performance.now() < endMs) {
      if (this.#parts.link.isReady()) this.wake();
      await pause(10);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.#round !== undefined || this.#ticksUntilLook-- > 0) return;
    this.#round = this.#look().finally(() => {
      this.#round = undefined;
      const well = this.#fault === undefined && this.#parts.breaker.isClosed();
      this.#ticksUntilLook = well ? TICKS_WHEN_WELL : 0;
    });
  }

  async #look(): Promise<void> {
    const { link, breaker } = this.#parts;
    breaker.probe();
    try {
      this.#fault = link.isReady() ? await this.#examine() : this.#unreachable();
      if (link.isReady()) this.#heardAtMs = performance.now();
    } catch (error) {
      const { kind, message } = redisFault(error);
      this.#fault = `${link.name}: ${message}`;
      if (kind !== 'unknown') this.#heardAtMs = performance.now();
      // Also where a server has lost nothing but our scripts: they are loaded before an attachment.
      if (kind === 'refused') for (const shard of this.#parts.shards) shard.detach();
    }
    this.#endSilence();
    if (this.#fault === undefined) breaker.recovered();
    else breaker.failed();
  }

  #endSilence(): void {
    const nowMs = performance.now();
    if (nowMs - this.#heardAtMs < SILENCE_MS) return;
    this.#heardAtMs = nowMs;
    this.#parts.link.reset();
  }

  async #examine(): Promise<string | undefined> {
    const { link, shards } = this.#parts;
    const connection = link.connection();
    const wrong = (await link.vouch()) ?? (await this.#checkServers());
    if (wrong !== undefined) return wrong;
    if (shards.some((shard) => !shard.isAttached()))
      await this.#inTime(link.loadScripts(Object.values(REDIS_SCRIPTS)));
    const faults = await Promise.all(shards.map((shard) => this.#attachOrLook(shard)));
    const fault = faults.find((one) => one !== undefined);
    if (fault !== undefined) return fault;
    if (!this.#isStill(connection)) return `${link.name} is connected anew`;
    // Beside this look, and the next ones: a backlog is no fault of Redis.
    for (const shard of shards) void shard.debts.pay();
    return undefined;
  }

  /** The floor of an attachment counts from when its server was vouched for; another connection may lead elsewhere. */
  #isStill(connection: number): boolean {
    const { link, shards, options } = this.#parts;
    if (options.redis.deployment.kind !== 'sentinel' || link.connection() === connection) return true;
    for (const shard of shards) shard.detach();
    return false;
  }

  async #attachOrLook(shard: RedisShard): Promise<string | undefined> {
    if (shard.isAttached()) {
      const fault = await this.#inTime(shard.look());
      if (fault !== undefined || shard.isAttached()) return fault;
    }
    const nowMs = this.#parts.guard.observe();
    if (nowMs === undefined) return this.#parts.guard.doubt();
    const unfit = await this.#inTime(shard.attach(nowMs));
    if (unfit !== undefined) return unfit;
    // What is held is only known by looking.
    const fault = await this.#inTime(shard.look());
    return fault ?? (shard.isAttached() ? undefined : 'the state in Redis changes all the time');
  }

  /** Reads the settings of all servers now and then; what was evicted is lost. */
  async #checkServers(): Promise<string | undefined> {
    const { link, shards } = this.#parts;
    const nowMs = performance.now();
    const attached = shards.every((shard) => shard.isAttached());
    if (this.#fault === undefined && attached && nowMs - this.#serverCheckedAtMs < SERVER_CHECK_MS)
      return undefined;
    const facts = (await this.#inTime(link.serverInfo())).map(readServerFacts);
    if (facts.length === 0) return `${link.name} has no master`;
    const evicted = facts.reduce((sum, { evictedKeys }) => sum + evictedKeys, 0);
    const isLossy = facts.some((one) => one.role === 'master' && one.evictionPolicy !== 'noeviction');
    if (isLossy || (this.#evictedKeys !== undefined && evicted > this.#evictedKeys))
      for (const shard of shards) shard.lose();
    this.#evictedKeys = evicted;
    this.#serverCheckedAtMs = nowMs;
    return facts.map(serverFault).find((fault) => fault !== undefined);
  }

  #unreachable(): string {
    const { link } = this.#parts;
    const reason = link.lastError();
    return `${link.name} cannot be reached${reason === undefined ? '' : `: ${reason}`}`;
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return within(work, this.#parts.options.redis.timeoutMilliseconds);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
