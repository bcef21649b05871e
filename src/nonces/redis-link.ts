/**
 * The connection to Redis: one server, the master that sentinels name, or a cluster. Nothing is ever sent twice
 * or kept for later: what cannot be sent now fails now, and what was sent and not answered is unknown.
 */
import { Cluster, Redis } from 'ioredis';
import type { RedisAddress, RedisSettings } from '../config/redis-settings.js';
import { REDIS_SCRIPTS, type RedisScriptName } from './redis-scripts.js';
import { isFresh, RedisSentinels } from './redis-sentinels.js';

/** Where Redis is and how it is spoken to. */
export type RedisLinkSettings = Omit<RedisSettings, 'maxClockDifferenceMilliseconds'>;

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
  /** Runs a script once. Rejects with the client's error; `redis-fault.ts` tells what that means. */
  run(script: RedisScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Loads every script into every master. */
  loadScripts(): Promise<void>;
  /** INFO of every master. */
  serverInfo(): Promise<readonly string[]>;
  /** Waits until so many replicas have what was written on this connection; resolves with how many have. */
  wait(replicas: number, milliseconds: number): Promise<number>;
  /** Gives the connection up, for nothing comes over it, and makes another one. What is under way becomes unknown. */
  reset(): void;
  close(): void;
}

/** Between attempts to connect: recovery has to be over within a second of Redis's return. */
const RECONNECT_MS = 100;
const CONNECT_MS = 500;
/** A server that stands still does not end its side of a connection. */
const DISCONNECT_MS = 100;
/** How often a server that still reads its data is asked whether it has them. */
const LOADING_MS = 100;
/** How often a cluster is asked who has which slots. */
const TOPOLOGY_MS = 1_000;

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

  run(name: RedisScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#client.evalsha(REDIS_SCRIPTS[name].sha, keys.length, ...keys, ...args);
  }

  async loadScripts(): Promise<void> {
    const texts = Object.values(REDIS_SCRIPTS).map(({ text }) => text);
    await Promise.all(this.#masters().flatMap((master) => texts.map((text) => master.script('LOAD', text))));
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

function sentinelsOf(settings: RedisLinkSettings): RedisSentinels | undefined {
  const { deployment } = settings;
  if (deployment.kind !== 'sentinel') return undefined;
  const { username, password } = deployment;
  const options = {
    ...commonOptions({ ...settings, username, password }),
    enableReadyCheck: false,
    enableOfflineQueue: false,
    retryStrategy: () => RECONNECT_MS,
    commandTimeout: settings.timeoutMilliseconds,
  };
  return new RedisSentinels(
    deployment.addresses,
    deployment.master,
    ({ host, port }) => new Redis({ ...options, host, port }),
  );
}

function clientFor(settings: RedisLinkSettings, found: RedisSentinels | undefined): Redis | Cluster {
  const { deployment } = settings;
  const common = commonOptions(settings);
  if (deployment.kind === 'cluster')
    return new Cluster([...deployment.addresses], {
      enableOfflineQueue: false,
      clusterRetryStrategy: () => RECONNECT_MS,
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      retryDelayOnTryAgain: 0,
      slotsRefreshInterval: TOPOLOGY_MS,
      slotsRefreshTimeout: CONNECT_MS,
      // The certificate is checked against the name that was configured, not against what a node calls itself.
      dnsLookup: (address, callback) => callback(null, address),
      redisOptions: common,
    });
  const own = { ...common, enableOfflineQueue: false, retryStrategy: () => RECONNECT_MS };
  if (deployment.kind === 'standalone') {
    const { host, port } = deployment.address;
    return new Redis({ ...own, host, port, db: settings.database });
  }
  return new Redis({
    ...own,
    db: settings.database,
    sentinels: deployment.addresses.map(({ host, port }) => ({ host, port })),
    name: deployment.master,
    role: 'master',
    failoverDetector: true,
    // Called with what a sentinel answers, the master's address last of all; it changes nothing.
    natMap: (address: string) => {
      found?.note(address);
      return null;
    },
    sentinelRetryStrategy: () => RECONNECT_MS,
    sentinelReconnectStrategy: () => RECONNECT_MS,
    sentinelCommandTimeout: CONNECT_MS,
    ...defined({
      sentinelUsername: deployment.username,
      sentinelPassword: deployment.password?.(),
      sentinelTLS: common.tls,
    }),
    enableTLSForSentinelMode: common.tls !== undefined,
  });
}

/** What one connection is like, wherever it leads. */
function commonOptions(settings: RedisLinkSettings) {
  const { tls } = settings;
  return {
    protocol: 2 as const,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: CONNECT_MS,
    disconnectTimeout: DISCONNECT_MS,
    maxLoadingRetryTime: LOADING_MS,
    disableClientInfo: true,
    ...defined({ username: settings.username, password: settings.password?.() }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...defined({
              ca: tls.authority,
              cert: tls.certificate,
              key: tls.privateKey?.(),
              servername: tls.serverName,
            }),
          },
        }),
  };
}

/** Without what is undefined: for the client, a member that is there counts as given. */
function defined<T extends Record<string, unknown>>(
  values: T,
): { [name in keyof T]?: Exclude<T[name], undefined> } {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [name in keyof T]?: Exclude<T[name], undefined> };
}

function describe({ deployment }: RedisLinkSettings): string {
  if (deployment.kind === 'standalone') return `Redis at ${text(deployment.address)}`;
  const addresses = deployment.addresses.map(text).join(', ');
  return deployment.kind === 'cluster'
    ? `the Redis cluster at ${addresses}`
    : `the Redis master ${deployment.master} of the sentinels at ${addresses}`;
}

function text({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
