/**
 * The connection to Redis: one server, the master that sentinels name, or a cluster. Nothing is ever sent twice
 * or kept for later: what cannot be sent now fails now, and what was sent and not answered is unknown.
 */
import { Cluster, type Redis } from 'ioredis';
import { clientFor, describe, RECONNECT_MS, sentinelsOf, type RedisLinkSettings } from './clients.js';
import type { RedisScript } from './script.js';
import { isFresh, type RedisSentinels } from './sentinels.js';

/** What the store needs of Redis. */
export interface RedisLink {
  /** What it is connected to, for messages; never with a password. */
  readonly name: string;
  /** Whether commands can be sent right now. */
  isReady(): boolean;
  /** Changes whenever a connection ends. */
  connection(): number;
  /**
   * Asks those who decide it whether this connection leads to the master, where there are such; resolves with why
   * that is in doubt, or undefined.
   */
  vouch(): Promise<string | undefined>;
  /** Whether that was said of this very connection, a moment ago. */
  isVouchedFor(): boolean;
  /** Why the last connection failed; undefined when none has. */
  lastError(): string | undefined;
  /** Runs a script once. Rejects with the client's error; `fault.ts` tells what that means. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Loads scripts into every master. */
  loadScripts(scripts: readonly RedisScript[]): Promise<void>;
  /** INFO of every master. */
  serverInfo(): Promise<readonly string[]>;
  /** Waits until so many replicas have what was written on this connection; resolves with how many have. */
  wait(replicas: number, milliseconds: number): Promise<number>;
  /** Gives the connection up, for nothing comes over it, and makes another one. What is under way becomes unknown. */
  reset(): void;
  close(): void;
}

/** Opens a link. It connects by itself, again and again, and never throws for a Redis that is not there. */
export function openRedisLink(settings: RedisLinkSettings): RedisLink {
  return new IoredisLink(settings);
}

class IoredisLink implements RedisLink {
  readonly name: string;
  readonly #client: Redis | Cluster;
  readonly #sentinels: RedisSentinels | undefined;
  #lastError: string | undefined;
  #connection = 0;
  #vouchedFor = { connection: -1, atMs: 0 };
  #closed = false;

  constructor(settings: RedisLinkSettings) {
    this.name = describe(settings);
    this.#sentinels = sentinelsOf(settings);
    this.#client = clientFor(settings, this.#sentinels);
    this.#client.on('error', (error: Error) => {
      this.#lastError = error.message.slice(0, 200);
    });
    this.#client.on('ready', () => {
      this.#lastError = undefined;
    });
    this.#client.on('close', () => {
      this.#connection += 1;
    });
    // A client whose look-up of the master was interrupted gives up for good.
    this.#client.on('end', () => {
      if (!this.#closed) setTimeout(() => this.#connectAgain(), RECONNECT_MS).unref();
    });
  }

  isReady(): boolean {
    return this.#client.status === 'ready';
  }

  connection(): number {
    return this.#connection;
  }

  async vouch(): Promise<string | undefined> {
    if (this.#sentinels === undefined) return undefined;
    const vouchedFor = { connection: this.#connection, atMs: performance.now() };
    const doubt = await this.#sentinels.doubt();
    if (doubt === undefined) this.#vouchedFor = vouchedFor;
    return doubt;
  }

  isVouchedFor(): boolean {
    if (this.#sentinels === undefined) return true;
    const { connection, atMs } = this.#vouchedFor;
    return connection === this.#connection && isFresh(atMs);
  }

  lastError(): string | undefined {
    return this.#lastError;
  }

  run({ sha }: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#client.evalsha(sha, keys.length, ...keys, ...args);
  }

  async loadScripts(scripts: readonly RedisScript[]): Promise<void> {
    const loads = (master: Redis) => scripts.map(({ text }) => master.script('LOAD', text));
    await Promise.all(this.#masters().flatMap(loads));
  }

  serverInfo(): Promise<readonly string[]> {
    return Promise.all(this.#masters().map((master) => master.info()));
  }

  wait(replicas: number, milliseconds: number): Promise<number> {
    const [master] = this.#masters();
    return master === undefined ? Promise.resolve(0) : master.wait(replicas, milliseconds);
  }

  /** What is not connected yet has its own deadlines. */
  reset(): void {
    if (this.#client.status === 'ready' || this.#client.status === 'connect') this.#client.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect(false);
    this.#sentinels?.close();
  }

  #connectAgain(): void {
    if (this.#closed || this.#client.status !== 'end') return;
    this.#client.connect().catch(() => undefined);
  }

  #masters(): Redis[] {
    return this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
  }
}
