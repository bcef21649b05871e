/** The `nonces` section: what each store can do with what the file says, and where Redis is. */
import type {
  RedisAddress,
  RedisDeployment,
  RedisSettings,
  RedisTls,
  Secret,
} from '../../storage/redis/settings.js';
import type { ConfigurationPath } from '../document/findings.js';
import { redisSchema, type RedisInput } from '../schema/redis.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { NonceSettings } from '../settings.js';
import { readCertificates } from './certificate-files.js';
import type { LoadContext } from './context.js';
import { directoryFault } from './writable-paths.js';

/** Of a password file: longer than any password, shorter than a mistake. */
const MAX_SECRET_BYTES = 4_096;
const REDIS = ['nonces', 'redis'] as const;

/** Where the lmdb store goes when the file does not say. */
const defaultNonceDirectory = 'state/nonces';
/** A `Set` throws at 16,777,216 entries. */
const maxMemoryEntries = 16_000_000;

/** Compiles the section; faults are noted. */
export function compileNonces(
  input: ConfigurationInput,
  workers: number,
  context: LoadContext,
): NonceSettings {
  const { store, maxEntries, durability } = input.nonces;
  const maxEntriesPerIdentity = input.nonces.maxEntriesPerIdentity ?? maxEntries;
  if (maxEntriesPerIdentity > maxEntries)
    context.findings.problem(
      ['nonces', 'maxEntriesPerIdentity'],
      `is more than maxEntries (${maxEntries})`,
      'lower it, or raise maxEntries',
    );
  refuseForeignMembers(input.nonces, context);
  const bounds = { maxEntries, maxEntriesPerIdentity };
  if (store === 'memory') {
    checkMemoryStore(input, workers, context);
    return { store, ...bounds };
  }
  if (store === 'redis') return { store, ...bounds, redis: compileRedisStore(input, context) };
  const directory = context.resolve(input.nonces.directory ?? defaultNonceDirectory);
  context.noteFault(['nonces', 'directory'], directoryFault(directory));
  return { store, directory, ...bounds, durability: durability ?? 'process' };
}

/** What each store has no use for. */
const foreignMembers = {
  lmdb: ['redis'],
  redis: ['directory', 'durability'],
  memory: ['directory', 'durability', 'redis'],
} as const;

function refuseForeignMembers(nonces: ConfigurationInput['nonces'], { findings }: LoadContext): void {
  for (const key of foreignMembers[nonces.store])
    if (nonces[key] !== undefined)
      findings.problem(
        ['nonces', key],
        `has no effect on the ${nonces.store} store`,
        `remove it, or set store: ${key === 'redis' ? 'redis' : 'lmdb'}`,
      );
}

/** Commands that a check may have to wait for, one after the other: limit, claim, replicas, and a graph's execution. */
const commandsOfACheck = 4;

function compileRedisStore({ nonces, limits }: ConfigurationInput, context: LoadContext): RedisSettings {
  const { findings } = context;
  if (nonces.redis === undefined)
    findings.problem(['nonces', 'redis'], 'is missing', 'say where Redis is: redis: { address: host:port }');
  const redis = compileRedis(nonces.redis ?? redisSchema.parse({ address: '127.0.0.1:6379' }), context);
  const leftMilliseconds = limits.checkTimeoutMilliseconds - limits.claimMarginMilliseconds;
  if (redis.timeoutMilliseconds * commandsOfACheck > leftMilliseconds)
    findings.problem(
      ['nonces', 'redis', 'timeoutMilliseconds'],
      `is too long: ${commandsOfACheck} commands have to fit into checkTimeoutMilliseconds without claimMarginMilliseconds (${leftMilliseconds})`,
      `set it to ${Math.floor(leftMilliseconds / commandsOfACheck)} or less, or raise checkTimeoutMilliseconds`,
    );
  return redis;
}

function checkMemoryStore({ nonces }: ConfigurationInput, workers: number, context: LoadContext): void {
  const { findings } = context;
  if (workers > 1)
    findings.problem(
      ['nonces', 'store'],
      `is memory, which ${workers} workers cannot share: each would take a nonce once`,
      'set it to redis or lmdb, or run one worker',
    );
  if (nonces.maxEntries > maxMemoryEntries)
    findings.problem(
      ['nonces', 'maxEntries'],
      `is more than a memory store holds (${maxMemoryEntries})`,
      'lower it, or set store: lmdb',
    );
}

/** Compiles the section; faults are noted, and what could not be read is absent. */
function compileRedis(input: RedisInput, context: LoadContext): RedisSettings {
  const deployment = compileDeployment(input, context);
  const isCluster = deployment.kind === 'cluster';
  if (isCluster && input.database !== 0)
    context.findings.problem([...REDIS, 'database'], 'is not 0, and a cluster has no other', 'remove it');
  if (isCluster && input.waitReplicas > 0)
    context.findings.problem(
      [...REDIS, 'waitReplicas'],
      'is for one server or for sentinels',
      'remove it, and set min-replicas-to-write on the masters of the cluster',
    );
  return {
    deployment,
    database: input.database,
    username: input.username,
    password: readSecret(input.passwordFile, [...REDIS, 'passwordFile'], context),
    tls: input.tls && compileTls(input.tls, context),
    keyPrefix: input.keyPrefix,
    timeoutMilliseconds: input.timeoutMilliseconds,
    waitReplicas: input.waitReplicas,
    maxClockDifferenceMilliseconds: input.maxClockDifferenceMilliseconds,
  };
}

function compileDeployment(input: RedisInput, context: LoadContext): RedisDeployment {
  const { address, sentinel, cluster } = input;
  const given = [address, sentinel, cluster].filter((one) => one !== undefined);
  if (given.length !== 1)
    context.findings.problem(
      REDIS,
      given.length === 0 ? 'says nowhere where Redis is' : 'says in several ways where Redis is',
      'give exactly one of address, sentinel and cluster',
    );
  if (sentinel !== undefined) {
    const password = readSecret(sentinel.passwordFile, [...REDIS, 'sentinel', 'passwordFile'], context);
    const addresses = sentinel.addresses.map(parseAddress);
    return { kind: 'sentinel', master: sentinel.master, addresses, username: sentinel.username, password };
  }
  if (cluster !== undefined) return { kind: 'cluster', addresses: cluster.addresses.map(parseAddress) };
  return { kind: 'standalone', address: parseAddress(address ?? '127.0.0.1:6379') };
}

/** `host:port` or `[address]:port`; the schema has checked its form. */
function parseAddress(text: string): RedisAddress {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function compileTls(input: NonNullable<RedisInput['tls']>, context: LoadContext): RedisTls {
  const path = [...REDIS, 'tls'];
  if ((input.certificateFile === undefined) !== (input.privateKeyFile === undefined))
    context.findings.problem(
      path,
      'names a certificate without its key, or a key without its certificate',
      'give both certificateFile and privateKeyFile, or neither',
    );
  return {
    authority: readPem(input.caFile, [...path, 'caFile'], context),
    certificate: readPem(input.certificateFile, [...path, 'certificateFile'], context),
    privateKey: readSecret(input.privateKeyFile, [...path, 'privateKeyFile'], context, 'keep'),
    serverName: input.serverName,
  };
}

function readPem(
  file: string | undefined,
  path: ConfigurationPath,
  context: LoadContext,
): string | undefined {
  if (file === undefined) return undefined;
  return readCertificates(file, path, context)?.map(String).join('');
}

/** `keep`: as it stands, and not without the line break that editors put at the end of a password. */
function readSecret(
  file: string | undefined,
  path: ConfigurationPath,
  context: LoadContext,
  ending: 'trim' | 'keep' = 'trim',
): Secret | undefined {
  if (file === undefined) return undefined;
  const absolute = context.resolve(file);
  const read = context.readSecret(file);
  if (!read.ok) {
    const message =
      read.reason === 'open-to-others' ? 'holds a secret that other users can get at' : read.message;
    context.findings.problem(path, `the file ${absolute} ${message}`, read.remedy);
    return undefined;
  }
  const { bytes } = read;
  const text = bytes.toString('utf8').replace(ending === 'trim' ? /\r?\n$/ : /(?!)/, '');
  bytes.fill(0);
  if (ending === 'keep' || (text !== '' && bytes.length <= MAX_SECRET_BYTES && !/[\r\n\0]/.test(text)))
    return () => text;
  context.findings.problem(
    path,
    `the file ${absolute} is not one line of 1 to ${MAX_SECRET_BYTES} bytes`,
    'put the password alone into it',
  );
  return undefined;
}
