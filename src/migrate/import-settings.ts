/** The part of an environment that says how the process behaves: window, store, limit. */
import { MAX_PER_MINUTE, MAX_RETENTION_SECONDS, MAX_SKEW_SECONDS } from '../config/schema/schema-common.js';
import type { ImportContext } from './import-context.js';

/** What was read; unusable when the context has problems. */
export interface ImportedProcess {
  readonly skewSeconds: number;
  /** What the gateway kept nonces for; checked against the window. */
  readonly retentionSeconds: number;
  readonly nonces: ImportedStore;
  /** 0: no limit. */
  readonly perMinute: number;
}

const PROOFS = [
  ['VV_TG_REQUIRE_MTLS', 'is off, and a caller without a pinned certificate is nobody here'],
  ['VV_TG_REQUIRE_PAYLOAD_SIGNATURE', 'is off, and an unsigned request is always refused here'],
] as const;

/** Refuses an environment that switches a proof off: there is nothing here that it could become. */
export function refuseUnsignedMode(context: ImportContext): void {
  const remedy = 'set it to 1 and give every producer what it needs; there is no mode without proof here';
  for (const [name, message] of PROOFS) if (!context.isOn(name, true)) context.problem(name, message, remedy);
}

/** Reads window, store and limit. */
export function readProcess(context: ImportContext): ImportedProcess {
  const skewSeconds = context.integer('VV_TG_ALLOWED_CLOCK_SKEW_SECONDS', [0, MAX_SKEW_SECONDS], 30);
  const retentionSeconds = context.integer('VV_TG_NONCE_TTL_SECONDS', [1, MAX_RETENTION_SECONDS], 120);
  const needed = 2 * skewSeconds + 1;
  if (retentionSeconds < needed)
    context.problem(
      'VV_TG_NONCE_TTL_SECONDS',
      `leaves seconds in which a request can be replayed: a skew of ${skewSeconds} s needs ${needed} s, and this is ${retentionSeconds} s`,
      `set it to at least ${needed}, or lower VV_TG_ALLOWED_CLOCK_SKEW_SECONDS`,
    );
  const perMinute = context.integer('VV_TG_RATE_LIMIT_PER_MINUTE', [0, MAX_PER_MINUTE], 120);
  if (perMinute === 0) context.note('VV_TG_RATE_LIMIT_PER_MINUTE', 'is 0, which is no limit here');
  return { skewSeconds, retentionSeconds, nonces: readStores(context), perMinute };
}

/** Where to keep nonces; a Redis without its password, which no output ever holds. */
export type ImportedStore =
  | { readonly store: 'lmdb' | 'memory' }
  | {
      readonly store: 'redis';
      readonly redis: Omit<RedisUrl, 'password'> & { readonly hasPassword: boolean };
    };

const URL_NAME = 'VV_TG_REDIS_URL';
const NONCE_NAME = 'VV_TG_NONCE_BACKEND';
const RATE_NAME = 'VV_TG_RATE_LIMIT_BACKEND';

/** Reads both backends and the address; they are one store here. */
function readStores(context: ImportContext): ImportedStore {
  const nonces = readBackend(NONCE_NAME, context);
  const rates = readBackend(RATE_NAME, context);
  if (nonces === 'redis') {
    if (rates === 'memory')
      context.note(RATE_NAME, 'is memory: here the limit is counted in the Redis of the nonces');
    return readRedis(context);
  }
  if (rates === 'redis')
    context.note(RATE_NAME, 'is redis and the nonces are not: here every process counts for itself');
  if (context.has(URL_NAME)) context.note(URL_NAME, 'is not used: the nonces are not kept in Redis');
  if (nonces !== 'memory') return { store: 'lmdb' };
  context.note(
    NONCE_NAME,
    'is memory: nonces are forgotten at a restart, so the first seconds after one are refused; lmdb remembers',
  );
  return { store: 'memory' };
}

function readBackend(
  name: typeof NONCE_NAME | typeof RATE_NAME,
  context: ImportContext,
): 'redis' | 'memory' | undefined {
  const backend = context.value(name)?.toLowerCase();
  if (backend === undefined || backend === 'redis' || backend === 'memory') return backend;
  context.problem(name, 'is neither redis nor memory', 'set it to one of the two, or remove it');
  return undefined;
}

function readRedis(context: ImportContext): ImportedStore {
  const text = context.value(URL_NAME);
  const url = text === undefined ? undefined : parseRedisUrl(text);
  if (url === undefined) {
    const message =
      text === undefined ? 'is not set, and the nonces are kept in Redis' : 'names no Redis server';
    context.problem(URL_NAME, message, 'set it to redis://host:port/database or rediss://host:port/database');
    return { store: 'lmdb' };
  }
  const { password, ...shown } = url;
  const hasPassword = password !== undefined;
  if (hasPassword)
    context.note(
      URL_NAME,
      'has a password, which is not written here: put it into a file of mode 0600 and name that as passwordFile',
    );
  if (url.hasParameters) context.note(URL_NAME, 'has parameters, which are not carried over');
  return { store: 'redis', redis: { ...shown, hasPassword } };
}

/** What the URL says; `password` is never to be shown. */
interface RedisUrl {
  /** host:port, an IPv6 address in brackets. */
  readonly address: string;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
  readonly hasParameters: boolean;
}

const DEFAULT_PORT = '6379';

/** Reads the URL; undefined when it is none of a server (a socket, a list of sentinels), or its database no number. */
export function parseRedisUrl(text: string): RedisUrl | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol)) return undefined;
  const [, database] = /^\/?([0-9]{0,2})$/.exec(url.pathname) ?? [];
  if (database === undefined || !/^(?:[0-9A-Za-z._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])$/.test(url.hostname))
    return undefined;
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined || Number(database) > 15) return undefined;
  return {
    address: `${url.hostname}:${url.port === '' ? DEFAULT_PORT : url.port}`,
    database: Number(database),
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    isTls: url.protocol === 'rediss:',
    hasParameters: url.search !== '',
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
