/** The `nonces` section: what each store can do with what the file says, and where Redis is. */
import type { RedisAddress, RedisDeployment, RedisSettings, RedisTls } from '../../storage/redis/settings.js';
import { redisSchema, type RedisInput } from '../schema/redis.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { NonceSettings } from '../settings.js';
import { readCertificates } from './certificates.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { readSecret } from './secret-line.js';
import { directoryFault } from './writable-paths.js';

/** Where the lmdb store goes when the file does not say. */
const defaultNonceDirectory = 'state/nonces';
/** A `Set` throws at 16,777,216 entries. */
const maxMemoryEntries = 16_000_000;

/** Compiles the section; faults are noted. */
export function compileNonces(input: ConfigurationInput, workers: number, load: LoadContext): NonceSettings {
  const node = load.at('nonces');
  const { store, maxEntries, maxEntriesPerIdentity = maxEntries, durability } = input.nonces;
  if (maxEntriesPerIdentity > maxEntries)
    node
      .at('maxEntriesPerIdentity')
      .problem(`is more than maxEntries (${maxEntries})`, 'lower it, or raise maxEntries');
  refuseForeignMembers(input.nonces, node);
  const bounds = { maxEntries, maxEntriesPerIdentity };
  if (store === 'memory') {
    checkMemoryStore(maxEntries, workers, node);
    return { store, ...bounds };
  }
  if (store === 'redis') return { store, ...bounds, redis: compileRedisStore(input, node.at('redis')) };
  const directory = load.resolve(input.nonces.directory ?? defaultNonceDirectory);
  node.at('directory').noteFaultOfPlace(() => directoryFault(directory));
  return { store, directory, ...bounds, durability: durability ?? 'process' };
}

/** What each store has no use for. */
const foreignMembers = {
  lmdb: ['redis'],
  redis: ['directory', 'durability'],
  memory: ['directory', 'durability', 'redis'],
} as const;

function refuseForeignMembers(nonces: ConfigurationInput['nonces'], node: ConfigurationNode): void {
  for (const key of foreignMembers[nonces.store])
    if (nonces[key] !== undefined)
      node
        .at(key)
        .problem(
          `has no effect on the ${nonces.store} store`,
          `remove it, or set store: ${key === 'redis' ? 'redis' : 'lmdb'}`,
        );
}

/** Commands that a check may have to wait for, one after the other: limit, claim, replicas, and a graph's execution. */
const commandsOfACheck = 4;

function compileRedisStore({ nonces, limits }: ConfigurationInput, node: ConfigurationNode): RedisSettings {
  if (nonces.redis === undefined)
    node.problem('is missing', 'say where Redis is: redis: { address: host:port }');
  const redis = compileRedis(nonces.redis ?? redisSchema.parse({ address: '127.0.0.1:6379' }), node);
  const leftMilliseconds = limits.checkTimeoutMilliseconds - limits.claimMarginMilliseconds;
  if (redis.timeoutMilliseconds * commandsOfACheck > leftMilliseconds)
    node
      .at('timeoutMilliseconds')
      .problem(
        `is too long: ${commandsOfACheck} commands have to fit into checkTimeoutMilliseconds without claimMarginMilliseconds (${leftMilliseconds})`,
        `set it to ${Math.floor(leftMilliseconds / commandsOfACheck)} or less, or raise checkTimeoutMilliseconds`,
      );
  return redis;
}

function checkMemoryStore(maxEntries: number, workers: number, node: ConfigurationNode): void {
  if (workers > 1)
    node
      .at('store')
      .problem(
        `is memory, which ${workers} workers cannot share: each would take a nonce once`,
        'set it to redis or lmdb, or run one worker',
      );
  if (maxEntries > maxMemoryEntries)
    node
      .at('maxEntries')
      .problem(`is more than a memory store holds (${maxMemoryEntries})`, 'lower it, or set store: lmdb');
}

/** Compiles the section; faults are noted, and what could not be read is absent. */
function compileRedis(input: RedisInput, node: ConfigurationNode): RedisSettings {
  const deployment = compileDeployment(input, node);
  const isCluster = deployment.kind === 'cluster';
  if (isCluster && input.database !== 0)
    node.at('database').problem('is not 0, and a cluster has no other', 'remove it');
  if (isCluster && input.waitReplicas > 0)
    node
      .at('waitReplicas')
      .problem(
        'is for one server or for sentinels',
        'remove it, and set min-replicas-to-write on the masters of the cluster',
      );
  return {
    deployment,
    database: input.database,
    username: input.username,
    password: readSecret(input.passwordFile, node.at('passwordFile')),
    tls: input.tls && compileTls(input.tls, node.at('tls')),
    keyPrefix: input.keyPrefix,
    timeoutMilliseconds: input.timeoutMilliseconds,
    waitReplicas: input.waitReplicas,
    maxClockDifferenceMilliseconds: input.maxClockDifferenceMilliseconds,
  };
}

function compileDeployment(input: RedisInput, node: ConfigurationNode): RedisDeployment {
  const { address, sentinel, cluster } = input;
  const given = [address, sentinel, cluster].filter((one) => one !== undefined);
  if (given.length !== 1)
    node.problem(
      given.length === 0 ? 'says nowhere where Redis is' : 'says in several ways where Redis is',
      'give exactly one of address, sentinel and cluster',
    );
  if (sentinel !== undefined) {
    const { master, username } = sentinel;
    const password = readSecret(sentinel.passwordFile, node.at('sentinel', 'passwordFile'));
    return { kind: 'sentinel', master, addresses: sentinel.addresses.map(parseAddress), username, password };
  }
  if (cluster !== undefined) return { kind: 'cluster', addresses: cluster.addresses.map(parseAddress) };
  return { kind: 'standalone', address: parseAddress(address ?? '127.0.0.1:6379') };
}

/** `host:port` or `[address]:port`; the schema has checked its form. */
function parseAddress(text: string): RedisAddress {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function compileTls(input: NonNullable<RedisInput['tls']>, node: ConfigurationNode): RedisTls {
  if ((input.certificateFile === undefined) !== (input.privateKeyFile === undefined))
    node.problem(
      'names a certificate without its key, or a key without its certificate',
      'give both certificateFile and privateKeyFile, or neither',
    );
  return {
    authority: readPem(input.caFile, node.at('caFile')),
    certificate: readPem(input.certificateFile, node.at('certificateFile')),
    privateKey: readSecret(input.privateKeyFile, node.at('privateKeyFile'), 'keep'),
    serverName: input.serverName,
  };
}

function readPem(file: string | undefined, node: ConfigurationNode): string | undefined {
  return file === undefined ? undefined : readCertificates(file, node)?.map(String).join('');
}
