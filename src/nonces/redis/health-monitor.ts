/**
 * Keeps the shards attached: looks at Redis all the time, finds out what is wrong with it, and has service back
 * as soon as it is right again. Only this closes an open breaker.
 */
import { RATE_LIMIT_SCRIPTS } from '../../rate-limits/redis.js';
import { within } from '../../storage/deadline.js';
import { redisFault } from '../../storage/redis/command.js';
import type { RedisConnection } from '../../storage/redis/connection.js';
import { readServerFacts, serverFault } from '../../storage/redis/server-check.js';
import type { ClockStepDetector } from '../clock-step-detector.js';
import { CLAIM_SCRIPTS } from './claim-scripts.js';
import { DELIVERY_SCRIPTS } from './delivery-scripts.js';
import type { RedisNonceStoreOptions } from './options.js';
import type { RedisShard } from './shard.js';
import { STATE_SCRIPTS } from './state-scripts.js';

/** How often Redis is looked at while something is wrong; a multiple of it while nothing is. */
const TICK_MS = 100;
const TICKS_WHEN_WELL = 2;
/** How often the servers' settings are read again. */
const SERVER_CHECK_MS = 1_000;
/** What the store and its rate limits run: loaded before an attachment. */
const SCRIPTS = [...STATE_SCRIPTS, ...CLAIM_SCRIPTS, ...DELIVERY_SCRIPTS, ...RATE_LIMIT_SCRIPTS];

/** What a monitor looks after. */
interface RedisHealthMonitorParts {
  readonly connection: RedisConnection;
  readonly shards: readonly RedisShard[];
  readonly guard: ClockStepDetector;
  readonly options: Pick<RedisNonceStoreOptions, 'redis'>;
}

export class RedisHealthMonitor {
  readonly #parts: RedisHealthMonitorParts;
  readonly #timer: NodeJS.Timeout;
  #fault: string | undefined = 'Redis has not answered yet';
  #look: Promise<void> | undefined;
  #ticksUntilLook = 0;
  #serverCheckedAtMs = Number.NEGATIVE_INFINITY;
  #evictedKeys: number | undefined;

  constructor(parts: RedisHealthMonitorParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS).unref();
  }

  /** Why nothing can be claimed; undefined when it can. */
  fault(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const { connection, shards } = this.#parts;
    if (!connection.isReady()) return this.#unreachable();
    if (!connection.isMasterConfirmed()) return `the sentinels have not named ${connection.name} of late`;
    if (shards.some((shard) => !shard.isAttached()))
      return `the state in ${connection.name} has to be looked at again`;
    return connection.breaker.isClosed() ? undefined : `${connection.name} does not answer in time`;
  }

  /** Something was noticed: looks at once, if no look is being taken. */
  lookNow(): void {
    this.#ticksUntilLook = 0;
    this.#tick();
  }

  /** Resolves when all is well, or after `atMostMs`. */
  async untilHealthy(atMostMs: number): Promise<void> {
    const endMs = performance.now() + atMostMs;
    while (this.#fault !== undefined && performance.now() < endMs) {
      if (this.#parts.connection.isReady()) this.lookNow();
      await pause(10);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.#look !== undefined || this.#ticksUntilLook-- > 0) return;
    this.#look = this.#lookOnce().finally(() => {
      this.#look = undefined;
      const well = this.#fault === undefined && this.#parts.connection.breaker.isClosed();
      this.#ticksUntilLook = well ? TICKS_WHEN_WELL : 0;
    });
  }

  async #lookOnce(): Promise<void> {
    const { connection, shards } = this.#parts;
    connection.breaker.probe();
    try {
      this.#fault = connection.isReady() ? await this.#examine() : this.#unreachable();
    } catch (error) {
      const { kind, message } = redisFault(error);
      this.#fault = `${connection.name}: ${message}`;
      // Also where a server has lost nothing but our scripts: they are loaded before an attachment.
      if (kind === 'refused') for (const shard of shards) shard.detach();
    }
    if (this.#fault === undefined) {
      connection.breaker.recovered();
    } else {
      connection.breaker.failed();
      connection.endUnanswered();
    }
  }

  async #examine(): Promise<string | undefined> {
    const { connection, shards } = this.#parts;
    const number = connection.number();
    const wrong = (await connection.confirmMaster()) ?? (await this.#checkServers());
    if (wrong !== undefined) return wrong;
    if (shards.some((shard) => !shard.isAttached())) await this.#inTime(connection.loadScripts(SCRIPTS));
    const faults = await Promise.all(shards.map((shard) => this.#attachOrLook(shard)));
    const fault = faults.find((one) => one !== undefined);
    if (fault !== undefined) return fault;
    if (!this.#isStill(number)) return `${connection.name} is connected anew`;
    // Beside this look, and the next ones: a backlog is no fault of Redis.
    for (const shard of shards) void shard.pending.send();
    return undefined;
  }

  /** The floor of an attachment counts from when its server was confirmed as the master; another connection may lead elsewhere. */
  #isStill(number: number): boolean {
    const { connection, shards, options } = this.#parts;
    if (options.redis.deployment.kind !== 'sentinel' || connection.number() === number) return true;
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
    const { connection, shards } = this.#parts;
    const nowMs = performance.now();
    const attached = shards.every((shard) => shard.isAttached());
    if (this.#fault === undefined && attached && nowMs - this.#serverCheckedAtMs < SERVER_CHECK_MS)
      return undefined;
    const facts = (await this.#inTime(connection.serverInfo())).map(readServerFacts);
    if (facts.length === 0) return `${connection.name} has no master`;
    const evicted = facts.reduce((sum, { evictedKeys }) => sum + evictedKeys, 0);
    const isLossy = facts.some((one) => one.role === 'master' && one.evictionPolicy !== 'noeviction');
    if (isLossy || (this.#evictedKeys !== undefined && evicted > this.#evictedKeys))
      for (const shard of shards) shard.lose();
    this.#evictedKeys = evicted;
    this.#serverCheckedAtMs = nowMs;
    return facts.map(serverFault).find((fault) => fault !== undefined);
  }

  #unreachable(): string {
    const { connection } = this.#parts;
    const reason = connection.lastError();
    return `${connection.name} cannot be reached${reason === undefined ? '' : `: ${reason}`}`;
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return within(work, this.#parts.options.redis.timeoutMilliseconds);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
