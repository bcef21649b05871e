/** Clients of Redis as we want them: deadlines everywhere, and no command kept for later or sent twice. */
import {
  checkServerIdentity,
  createSecureContext,
  rootCertificates,
  type ConnectionOptions,
  type SecureContext,
} from 'node:tls';
import { Cluster, Redis } from 'ioredis';
import type { RedisAddress, RedisConnectionSettings, RedisDeployment, RedisTls } from './settings.js';
import { trusting } from '../../crypto/tls-client.js';
import { RedisSentinels } from './sentinels.js';

/** Between attempts to connect: recovery has to be over within a second of Redis's return. */
export const RECONNECT_MS = 100;
const CONNECT_MS = 500;
/** A connection over which an answer is due, and not a byte has come for so long, is dead: it is ended and made anew. */
const SILENCE_MS = 1_500;
/** A server that stands still does not end its side of a connection. */
const DISCONNECT_MS = 100;
/** How often a server that still reads its data is asked whether it has them. */
const LOADING_MS = 100;
/** How often a cluster is asked who has which slots. */
const TOPOLOGY_MS = 1_000;

/** Connections to the sentinels; undefined where there are none. */
export function sentinelsOf(settings: RedisConnectionSettings): RedisSentinels | undefined {
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
  const clients = deployment.addresses.map(({ host, port }) => new Redis({ ...options, host, port }));
  return new RedisSentinels(clients, deployment.master);
}

/** The client; it connects by itself, again and again. `found` is told where a sentinel says that the master is. */
export function clientFor(
  settings: RedisConnectionSettings,
  found: RedisSentinels | undefined,
): Redis | Cluster {
  const { deployment, database } = settings;
  const common = commonOptions(settings);
  if (deployment.kind === 'cluster') return clusterClient(deployment.addresses, common);
  const own = { ...common, db: database, enableOfflineQueue: false, retryStrategy: () => RECONNECT_MS };
  if (deployment.kind === 'standalone') return new Redis({ ...own, ...deployment.address });
  return new Redis({ ...own, ...sentinelOptions(deployment, common.tls, found) });
}

function clusterClient(addresses: readonly RedisAddress[], redisOptions: CommonOptions): Cluster {
  return new Cluster([...addresses], {
    enableOfflineQueue: false,
    clusterRetryStrategy: () => RECONNECT_MS,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 0,
    slotsRefreshInterval: TOPOLOGY_MS,
    slotsRefreshTimeout: CONNECT_MS,
    // The certificate is checked against the name that was configured, not against what a node calls itself.
    dnsLookup: (address, callback) => callback(null, address),
    redisOptions,
  });
}

/** How the master is found. */
function sentinelOptions(
  deployment: Extract<RedisDeployment, { readonly kind: 'sentinel' }>,
  tls: ConnectionOptions | undefined,
  found: RedisSentinels | undefined,
) {
  return {
    sentinels: [...deployment.addresses],
    name: deployment.master,
    role: 'master' as const,
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
      sentinelTLS: tls,
    }),
    enableTLSForSentinelMode: tls !== undefined,
  };
}

type CommonOptions = ReturnType<typeof commonOptions>;

/** What one connection is like, wherever it leads. */
function commonOptions(settings: RedisConnectionSettings) {
  const { tls, timeoutMilliseconds } = settings;
  return {
    protocol: 2 as const,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: CONNECT_MS,
    // Never before the time of a command is over. What trickles is ended in `connection.ts`.
    socketTimeout: Math.max(SILENCE_MS, timeoutMilliseconds),
    disconnectTimeout: DISCONNECT_MS,
    maxLoadingRetryTime: LOADING_MS,
    disableClientInfo: true,
    ...defined({ username: settings.username, password: settings.password?.() }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
  };
}

/** Verified in full, whatever the environment says; made once, as the authorities are read anew for each context. */
function tlsOptions(tls: RedisTls): ConnectionOptions {
  return {
    secureContext: secureContextOf(tls),
    rejectUnauthorized: true,
    checkServerIdentity,
    ...defined({ servername: tls.serverName }),
  };
}

/** Throws a sentence: what cannot be used now never can. */
function secureContextOf({ authority, certificate, privateKey }: RedisTls): SecureContext {
  try {
    const own = defined({ cert: certificate, key: privateKey?.() });
    return createSecureContext({ ...trusting(authority ?? rootCertificates), ...own });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `the files of nonces.redis.tls cannot be used (${reason}); give PEM files, and the key that belongs to the certificate`,
      { cause: error },
    );
  }
}

/** Without what is undefined: for the client, a member that is there counts as given. */
function defined<T extends Record<string, unknown>>(
  values: T,
): { [name in keyof T]?: Exclude<T[name], undefined> } {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [name in keyof T]?: Exclude<T[name], undefined> };
}

/** For messages; without a password. */
export function describe({ deployment }: RedisConnectionSettings): string {
  if (deployment.kind === 'standalone') return `Redis at ${text(deployment.address)}`;
  const addresses = deployment.addresses.map(text).join(', ');
  return deployment.kind === 'cluster'
    ? `the Redis cluster at ${addresses}`
    : `the Redis master ${deployment.master} of the sentinels at ${addresses}`;
}

function text({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
