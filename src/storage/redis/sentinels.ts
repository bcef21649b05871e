/**
 * Asks the sentinels, all the time, who the master is. A master that was given up goes on taking writes until it is
 * told, and a sentinel that was away names it: so only a majority is believed, and only for a moment.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import { within } from '../deadline.js';

/** How long a name may take to be resolved; one that takes longer is one that nobody knows. */
const RESOLVE_MS = 500;

/** How long a majority's word counts, from when it was asked for. */
const CONFIRMED_MS = 2_000;

/**
 * How much longer than its own time a verifier that attaches after a fail-over has to reckon with others that have
 * not heard of it and claim on the former master: until its majority's word is spent, and their last claim answered.
 */
export function failOverGraceSeconds(timeoutMilliseconds: number): number {
  return Math.ceil((CONFIRMED_MS + timeoutMilliseconds) / 1000);
}

/** Whether a majority's word that was asked for at this monotonic time still counts. */
export function isFresh(askedAtMs: number): boolean {
  return performance.now() - askedAtMs < CONFIRMED_MS;
}

export class RedisSentinels {
  readonly clients: readonly Redis[];
  readonly #master: string;
  #named: string | undefined;

  /** `clients`: one for each sentinel, connecting by themselves. */
  constructor(clients: readonly Redis[], master: string) {
    this.clients = clients;
    this.#master = master;
    // A sentinel that does not answer is one that does not agree.
    for (const client of clients) client.on('error', () => undefined);
  }

  /** For the client's look-up of the master: remembers, as `host:port`, where the present connection leads. */
  note(address: string): void {
    this.#named = address;
  }

  /** Resolves with why the connection may not lead to the master; undefined when a majority says that it does. */
  async doubt(): Promise<string | undefined> {
    const named = await Promise.all(this.clients.map((client) => this.#ask(client)));
    const agreeing = (await Promise.all(named.map((one) => this.#isWhereWeAre(one)))).filter(Boolean).length;
    if (2 * agreeing > named.length) return undefined;
    return `${agreeing} of ${named.length} sentinels name ${this.#named ?? 'the server'} as the master ${this.#master}, and more than half have to`;
  }

  close(): void {
    for (const client of this.clients) client.disconnect(false);
  }

  /** One sentinel may say a host name where another one says an address: they agree when both resolve to one. */
  async #isWhereWeAre(named: string | undefined): Promise<boolean> {
    const ours = this.#named;
    if (named === undefined || ours === undefined || named === ours)
      return named !== undefined && named === ours;
    const [theirs, own] = [splitAddress(named), splitAddress(ours)];
    if (theirs.port !== own.port || (isIP(theirs.host) > 0 && isIP(own.host) > 0)) return false;
    const [one, other] = await Promise.all([addressesOf(theirs.host), addressesOf(own.host)]);
    return one.some((address) => other.includes(address));
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

/** Of `host:port`, where the host may be an IPv6 address. */
function splitAddress(address: string): { readonly host: string; readonly port: string } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: address.slice(at + 1) };
}

/** None for a name that cannot be resolved, or not in time: then it is no other host's name. */
async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) > 0) return [host];
  try {
    const found = await within(lookup(host, { all: true }), RESOLVE_MS);
    return found.map(({ address }) => address);
  } catch {
    return [];
  }
}
