/** The part of an environment that says where nonces and counts are kept. */
import type { ImportContext } from './import-context.js';
import { parseRedisUrl, type RedisUrl } from './redis-url.js';

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
export function readStores(context: ImportContext): ImportedStore {
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
