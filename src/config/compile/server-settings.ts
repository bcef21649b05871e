/** The sections about the process itself, with relative paths made absolute. */
import {
  DEFAULT_HEADER_NAMES,
  OUR_HEADER_PREFIX,
  type SecurityHeaderNames,
} from '../../protocol/header-names.js';
import { quoteText } from '../../json/escape-text.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { AdminSettings, LimitSettings, MetricsSettings, ServerSettings } from '../settings.js';
import { isLoopback, judgeMetricsPort } from './addresses.js';
import { compileAudit } from './audit.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { compileEnvoy } from './envoy.js';
import { compileKeySettings } from './key-sources.js';
import { compileListen } from './listen.js';
import { compileNonces } from './nonces.js';
import { compileRotation } from './rotation.js';
import { compileTracing } from './tracing.js';

/** Longer than the second between two health checks of the bootstrap that we render. */
const defaultDrainDelayMilliseconds = 1_500;

/** Compiles the settings; faults are noted. */
export function compileSettings(
  input: ConfigurationInput,
  workers: number,
  load: LoadContext,
): ServerSettings {
  return {
    listen: compileListen(input, workers, load),
    workers,
    admin: compileAdmin(input, load),
    metrics: compileMetrics(input, load),
    tracing: input.tracing && compileTracing(input.tracing, load.at('tracing')),
    nonces: compileNonces(input, workers, load),
    audit: compileAudit(input.audit, workers, load.at('audit')),
    limits: compileLimits(input, load.at('limits')),
    keys: compileKeySettings(input, load),
    log: input.log,
    keyRotation: compileRotation(input, load),
    envoy: input.envoy && compileEnvoy(input.envoy, input, load),
  };
}

function compileAdmin({ admin }: ConfigurationInput, load: LoadContext): AdminSettings {
  if (!isLoopback(admin.host))
    load.at('admin', 'host').warn(`metrics and health are open to whoever reaches ${quoteText(admin.host)}`);
  return admin;
}

/** No warning where it is open: that is what it is for. */
function compileMetrics(
  { metrics, admin }: ConfigurationInput,
  load: LoadContext,
): MetricsSettings | undefined {
  if (metrics !== undefined) judgeMetricsPort(metrics, admin, load.at('metrics'));
  return metrics;
}

function compileLimits({ limits }: ConfigurationInput, node: ConfigurationNode): LimitSettings {
  const { claimMarginMilliseconds, checkTimeoutMilliseconds, drainMilliseconds } = limits;
  if (claimMarginMilliseconds >= checkTimeoutMilliseconds)
    node
      .at('claimMarginMilliseconds')
      .problem(
        `is not less than checkTimeoutMilliseconds (${checkTimeoutMilliseconds}), so no nonce would ever be claimed`,
        'lower it, or raise checkTimeoutMilliseconds',
      );
  const drainDelayMilliseconds =
    limits.drainDelayMilliseconds ?? Math.min(defaultDrainDelayMilliseconds, drainMilliseconds);
  if (drainDelayMilliseconds > drainMilliseconds)
    node
      .at('drainDelayMilliseconds')
      .problem(
        `is more than drainMilliseconds (${drainMilliseconds}), which it is a part of`,
        'lower it, or raise drainMilliseconds',
      );
  return { ...limits, drainDelayMilliseconds };
}

/** Headers that mean something to HTTP, to Envoy or to our upstream, and so cannot carry a security header. */
const reservedHeaders =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|content-type|content-encoding|accept-encoding|cookie|authorization|x-request-id|x-forwarded-.*|x-envoy-.*)$/;

/** The header names in lower case; each is used once, and none is spoken for. */
export function compileHeaders({ headers }: ConfigurationInput, load: LoadContext): SecurityHeaderNames {
  const seen = new Set<string>();
  const lower = { ...headers };
  for (const role of Object.keys(DEFAULT_HEADER_NAMES) as (keyof SecurityHeaderNames)[]) {
    const name = headers[role].toLowerCase();
    const node = load.at('headers', role);
    if (reservedHeaders.test(name) || name.startsWith(OUR_HEADER_PREFIX))
      node.problem(`${name} has a meaning of its own`, 'choose another header name');
    if (seen.has(name)) node.problem(`${name} is used for two things`, 'give each its own header');
    seen.add(name);
    lower[role] = name;
  }
  return lower;
}
