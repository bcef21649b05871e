/** The sections about the process itself, with relative paths made absolute. */
import { isIP } from 'node:net';
import type { SecurityHeaderNames } from '../verify/snapshot.js';
import type { LoadContext } from './context.js';
import { compileEnvoy } from './envoy-settings.js';
import { quote } from './findings.js';
import type { ConfigurationInput } from './schema.js';
import type { AuditSettings, ListenSettings, NonceSettings, ServerSettings } from './settings.js';

/** `sun_path` of Linux holds 108 bytes, the last of them 0 (unix(7)). */
const maxSocketPathBytes = 107;
/** A `Set` throws at 16,777,216 entries (security.md). */
const maxMemoryEntries = 16_000_000;
/** Where the lmdb store goes when the file does not say. */
const defaultNonceDirectory = 'state/nonces';

/** Compiles the settings; faults are noted. `workers` is how many processes will share the stores. */
export function compileSettings(
  input: ConfigurationInput,
  workers: number,
  context: LoadContext,
): ServerSettings {
  return {
    listen: compileListen(input, context),
    admin: compileAdmin(input, context),
    nonces: compileNonces(input, workers, context),
    audit: compileAudit(input, context),
    limits: compileLimits(input, context),
    log: input.log,
    envoy: input.envoy === undefined ? undefined : compileEnvoy(input.envoy, input.admin, context),
  };
}

function compileListen(input: ConfigurationInput, context: LoadContext): ListenSettings {
  const socketPath = context.resolve(input.listen.socket);
  const bytes = Buffer.byteLength(socketPath);
  if (bytes > maxSocketPathBytes)
    context.findings.problem(
      ['listen', 'socket'],
      `is ${bytes} bytes long as an absolute path, and the system takes ${maxSocketPathBytes}`,
      'choose a shorter path, such as /run/countersign/verifier.sock',
    );
  return { socketPath };
}

function compileAdmin({ admin }: ConfigurationInput, context: LoadContext): ConfigurationInput['admin'] {
  const isLoopback = admin.host === 'localhost' || admin.host === '::1' || isLoopbackV4(admin.host);
  if (!isLoopback)
    context.findings.warn(
      ['admin', 'host'],
      `metrics and health are open to whoever reaches ${quote(admin.host)}`,
    );
  return admin;
}

function isLoopbackV4(host: string): boolean {
  return isIP(host) === 4 && host.startsWith('127.');
}

function compileNonces(input: ConfigurationInput, workers: number, context: LoadContext): NonceSettings {
  const { store, maxEntries, directory, durability } = input.nonces;
  const maxEntriesPerIdentity = input.nonces.maxEntriesPerIdentity ?? maxEntries;
  const place = (key: string) => ['nonces', key];
  if (maxEntriesPerIdentity > maxEntries)
    context.findings.problem(
      place('maxEntriesPerIdentity'),
      `is more than maxEntries (${maxEntries})`,
      'lower it, or raise maxEntries',
    );
  if (store === 'lmdb') {
    return {
      store,
      directory: context.resolve(directory ?? defaultNonceDirectory),
      maxEntries,
      maxEntriesPerIdentity,
      durability: durability ?? 'process',
    };
  }
  checkMemoryStore(input, workers, context);
  return { store, maxEntries, maxEntriesPerIdentity };
}

function checkMemoryStore({ nonces }: ConfigurationInput, workers: number, context: LoadContext): void {
  const { findings } = context;
  if (workers > 1)
    findings.problem(
      ['nonces', 'store'],
      `is memory, which ${workers} workers cannot share: each would take a nonce once`,
      'set it to lmdb, or run one worker',
    );
  for (const key of ['directory', 'durability'] as const)
    if (nonces[key] !== undefined)
      findings.problem(['nonces', key], 'has no effect on the memory store', 'remove it, or set store: lmdb');
  if (nonces.maxEntries > maxMemoryEntries)
    findings.problem(
      ['nonces', 'maxEntries'],
      `is more than a memory store holds (${maxMemoryEntries})`,
      'lower it, or set store: lmdb',
    );
}

function compileAudit({ audit }: ConfigurationInput, context: LoadContext): AuditSettings {
  const toStdout = audit.stdout ?? false;
  if (toStdout === (audit.file !== undefined)) {
    const message = toStdout ? 'names two places for the records' : 'names no place for the records';
    context.findings.problem(['audit'], message, 'give either file, or stdout: true');
  }
  const path = context.resolve(audit.file ?? '');
  return { sink: toStdout ? { kind: 'stdout' } : { kind: 'file', path }, onFailure: audit.onFailure };
}

function compileLimits({ limits }: ConfigurationInput, context: LoadContext): ConfigurationInput['limits'] {
  if (limits.claimMarginMilliseconds >= limits.checkTimeoutMilliseconds)
    context.findings.problem(
      ['limits', 'claimMarginMilliseconds'],
      `is not less than checkTimeoutMilliseconds (${limits.checkTimeoutMilliseconds}), so no nonce would ever be claimed`,
      'lower it, or raise checkTimeoutMilliseconds',
    );
  return limits;
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
