/**
 * Asks the sentinels, all the time, who the master is. A master that was given up goes on taking writes until it is
 * told, and a sentinel that was away names it: so only a majority is believed, and only for a moment.
 */
import type { Redis } from 'ioredis';
import type { RedisAddress } from '../config/redis-settings.js';

/** How long a majority's word counts, from when it was asked for. */
const VOUCHED_MS = 2_000;

/**
 * How much longer than its own time a verifier that attaches after a fail-over has to reckon with others that have
 * not heard of it and claim on the former master: until its majority's word is spent, and their last claim answered.
 */
export function failOverGraceSeconds(timeoutMilliseconds: number): number {
  return Math.ceil((VOUCHED_MS + timeoutMilliseconds) / 1000);
}

/** Whether a majority's word that was asked for at this monotonic time still counts. */
export function isFresh(askedAtMs: number): boolean {
  return performance.now() - askedAtMs < VOUCHED_MS;
}

/** Makes a connection to one sentinel that connects by itself, again and again. */
export type ConnectSentinel = (address: RedisAddress) => Redis;

export class RedisSentinels {
  readonly #clients: readonly Redis[];
  readonly #master: string;
  #named: string | undefined;

  constructor(addresses: readonly RedisAddress[], master: string, connect: ConnectSentinel) {
    this.#master = master;
    this.#clients = addresses.map((address) => {
      const client = connect(address);
      // A sentinel that does not answer is one that does not agree.
      client.on('error', () => undefined);
      return client;
    });
  }

  /** For the client's look-up of the master: remembers, as `host:port`, where the present connection leads. */
  note(address: string): void {
    this.#named = address;
  }

  /** Resolves with why the connection may not lead to the master; undefined when a majority says that it does. */
  async doubt(): Promise<string | undefined> {
    const named = await Promise.all(this.#clients.map((client) => this.#ask(client)));
    const agreeing = named.filter((one) => one !== undefined && one === this.#named).length;
    if (2 * agreeing > named.length) return undefined;
    return `${agreeing} of ${named.length} sentinels name ${this.#named ?? 'the server'} as the master ${this.#master}, and more than half have to`;
  }

  close(): void {
    for (const client of this.#clients) client.disconnect(false);
  }

  async #ask(client: Redis): Promise<string | undefined> {
    try {
      const reply: unknown = await client.call('SENTINEL', 'get-master-addr-by-name', this.#master);
      return Array.isArray(reply) ? reply.map(String).join(':') : undefined;
    } catch {
      return undefined;
    }
  }
}
