/** The sections about the process itself, with relative paths made absolute. */
import { dirname } from 'node:path';
import {
  DEFAULT_HEADER_NAMES,
  OUR_HEADER_PREFIX,
  type SecurityHeaderNames,
} from '../../protocol/header-names.js';
import { PIPE_ATOMIC_BYTES } from '../../storage/output/standard-stream.js';
import { quote } from '../document/findings.js';
import type { ConfigurationInput } from '../schema/schema.js';
import {
  workerSocketPaths,
  type AuditSettings,
  type LimitSettings,
  type ListenSettings,
  type ServerSettings,
} from '../settings.js';
import { isLoopback } from './addresses.js';
import type { LoadContext } from './context.js';
import { compileEnvoy } from './envoy.js';
import { compileNonces } from './nonces.js';
import { appendedFileFault, directoryFault } from './writable-paths.js';

/** `sun_path` of Linux holds 108 bytes, the last of them 0 (unix(7)). */
const maxSocketPathBytes = 107;
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
  context.noteFault(['listen', 'socket'], directoryFault(dirname(socketPath)));
  return { socketPath };
}

function compileAdmin({ admin }: ConfigurationInput, context: LoadContext): ConfigurationInput['admin'] {
  if (!isLoopback(admin.host))
    context.findings.warn(
      ['admin', 'host'],
      `metrics and health are open to whoever reaches ${quote(admin.host)}`,
    );
  return admin;
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
      `is one pipe for ${workers} workers, which takes no more than ${PIPE_ATOMIC_BYTES} bytes whole: records could be torn`,
      'give a file, or run one worker',
    );
  const path = context.resolve(audit.file ?? '');
  if (audit.file !== undefined) context.noteFault(['audit', 'file'], appendedFileFault(path));
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
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|content-type|content-encoding|accept-encoding|cookie|authorization|x-request-id|x-forwarded-.*|x-envoy-.*)$/;

/** The header names in lower case; each is used once, and none is spoken for. */
export function compileHeaders({ headers }: ConfigurationInput, context: LoadContext): SecurityHeaderNames {
  const seen = new Set<string>();
  const lower = { ...headers };
  for (const role of Object.keys(DEFAULT_HEADER_NAMES) as (keyof SecurityHeaderNames)[]) {
    const name = headers[role].toLowerCase();
    const path = ['headers', role];
    if (reservedHeaders.test(name) || name.startsWith(OUR_HEADER_PREFIX))
      context.findings.problem(path, `${name} has a meaning of its own`, 'choose another header name');
    if (seen.has(name))
      context.findings.problem(path, `${name} is used for two things`, 'give each its own header');
    seen.add(name);
    lower[role] = name;
  }
  return lower;
}
