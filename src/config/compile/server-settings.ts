/** The sections about the process itself, with relative paths made absolute. */
import { dirname } from 'node:path';
import type { SecurityHeaderNames } from '../../protocol/header-names.js';
import type { LoadContext } from './context.js';
import { compileEnvoy } from './envoy-settings.js';
import { isLoopback } from './loopback.js';
import { quote, type ConfigurationPath } from '../document/findings.js';
import { compileRedis } from './redis.js';
import type { RedisSettings } from '../../storage/redis/settings.js';
import type { ConfigurationInput } from '../schema/schema.js';
import { redisSchema } from '../schema/redis.js';
import { appendedFileFault, directoryFault, type PlaceFault } from './places.js';
import { workerSocketPaths } from './worker-sockets.js';
import type {
  AuditSettings,
  LimitSettings,
  ListenSettings,
  NonceSettings,
  ServerSettings,
} from '../settings.js';

/** `sun_path` of Linux holds 108 bytes, the last of them 0 (unix(7)). */
const maxSocketPathBytes = 107;
/** A `Set` throws at 16,777,216 entries. */
const maxMemoryEntries = 16_000_000;
/** Where the lmdb store goes when the file does not say. */
const defaultNonceDirectory = 'state/nonces';
/** Longer than the second between two health checks of the bootstrap that we render. */
const defaultDrainDelayMilliseconds = 1_500;

/** Compiles the settings; faults are noted. */
export function compileSettings(
  input: ConfigurationInput,
  workers: number,
  context: LoadContext,
): ServerSettings {
  return {
    listen: compileListen(input, workers, context),
    workers,
    admin: compileAdmin(input, context),
    nonces: compileNonces(input, workers, context),
    audit: compileAudit(input, workers, context),
    limits: compileLimits(input, context),
    log: input.log,
    envoy: input.envoy === undefined ? undefined : compileEnvoy(input.envoy, input, context),
  };
}

function compileListen(input: ConfigurationInput, workers: number, context: LoadContext): ListenSettings {
  const socketPath = context.resolve(input.listen.socket);
  const bytes = Math.max(
    ...workerSocketPaths({ listen: { socketPath }, workers }).map((path) => Buffer.byteLength(path)),
  );
  if (bytes > maxSocketPathBytes)
    context.findings.problem(
      ['listen', 'socket'],
      `is ${bytes} bytes long as an absolute path, and the system takes ${maxSocketPathBytes}`,
      'choose a shorter path, such as /run/countersign/verifier.sock',
    );
  notePlace(['listen', 'socket'], directoryFault(dirname(socketPath)), context);
  return { socketPath };
}

function notePlace(path: ConfigurationPath, fault: PlaceFault | undefined, { findings }: LoadContext): void {
  if (fault !== undefined) findings.problem(path, ...fault);
}

function compileAdmin({ admin }: ConfigurationInput, context: LoadContext): ConfigurationInput['admin'] {
  if (!isLoopback(admin.host))
    context.findings.warn(
      ['admin', 'host'],
      `metrics and health are open to whoever reaches ${quote(admin.host)}`,
    );
  return admin;
}

function compileNonces(input: ConfigurationInput, workers: number, context: LoadContext): NonceSettings {
  const { store, maxEntries, durability } = input.nonces;
  const maxEntriesPerIdentity = input.nonces.maxEntriesPerIdentity ?? maxEntries;
  const place = (key: string) => ['nonces', key];
  if (maxEntriesPerIdentity > maxEntries)
    context.findings.problem(
      place('maxEntriesPerIdentity'),
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
  notePlace(place('directory'), directoryFault(directory), context);
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

function compileAudit({ audit }: ConfigurationInput, workers: number, context: LoadContext): AuditSettings {
  const toStdout = audit.stdout ?? false;
  if (toStdout === (audit.file !== undefined)) {
    const message = toStdout ? 'names two places for the records' : 'names no place for the records';
    context.findings.problem(['audit'], message, 'give either file, or stdout: true');
  }
  if (toStdout && workers > 1)
    context.findings.problem(
      ['audit', 'stdout'],
      `is one pipe for ${workers} workers, which takes no more than 4096 bytes whole: records could be torn`,
      'give a file, or run one worker',
    );
  const path = context.resolve(audit.file ?? '');
  if (audit.file !== undefined) notePlace(['audit', 'file'], appendedFileFault(path), context);
  return { sink: toStdout ? { kind: 'stdout' } : { kind: 'file', path }, onFailure: audit.onFailure };
}

function compileLimits({ limits }: ConfigurationInput, context: LoadContext): LimitSettings {
  const { claimMarginMilliseconds, checkTimeoutMilliseconds, drainMilliseconds } = limits;
  if (claimMarginMilliseconds >= checkTimeoutMilliseconds)
    context.findings.problem(
      ['limits', 'claimMarginMilliseconds'],
      `is not less than checkTimeoutMilliseconds (${checkTimeoutMilliseconds}), so no nonce would ever be claimed`,
      'lower it, or raise checkTimeoutMilliseconds',
    );
  const drainDelayMilliseconds =
    limits.drainDelayMilliseconds ?? Math.min(defaultDrainDelayMilliseconds, drainMilliseconds);
  if (drainDelayMilliseconds > drainMilliseconds)
    context.findings.problem(
      ['limits', 'drainDelayMilliseconds'],
      `is more than drainMilliseconds (${drainMilliseconds}), which it is a part of`,
      'lower it, or raise drainMilliseconds',
    );
  return { ...limits, drainDelayMilliseconds };
}

/** Headers that mean something to HTTP, to Envoy or to our upstream, and so cannot carry a security header. */
const reservedHeaders =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|content-type|content-encoding|accept-encoding|cookie|authorization|x-request-id|x-forwarded-.*|x-envoy-.*|x-countersign-.*)$/;

/** The header names in lower case; each is used once, and none is spoken for. */
export function compileHeaders({ headers }: ConfigurationInput, context: LoadContext): SecurityHeaderNames {
  const seen = new Set<string>();
  const lower = (role: keyof SecurityHeaderNames): string => {
    const name = headers[role].toLowerCase();
    const path = ['headers', role];
    if (reservedHeaders.test(name))
      context.findings.problem(path, `${name} has a meaning of its own`, 'choose another header name');
    if (seen.has(name))
      context.findings.problem(path, `${name} is used for two things`, 'give each its own header');
    seen.add(name);
    return name;
  };
  return {
    identity: lower('identity'),
    certificateSha256: lower('certificateSha256'),
    timestamp: lower('timestamp'),
    nonce: lower('nonce'),
    signature: lower('signature'),
    kid: lower('kid'),
  };
}
