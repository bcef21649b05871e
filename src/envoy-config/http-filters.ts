/** The filters that a request passes, in order: flood guard, verifier, signer of its answer, router. */
import type { BootstrapOptions, FloodOptions } from './options.js';
import { processorFilters } from './processor.js';
import { signerFilters } from './signer.js';
import { VERIFIER_CLUSTER, verifierService } from './clusters.js';
import { duration, extension, note, type Section } from './yaml-text.js';

/** The list for the connection manager. Nothing may clear the route cache after ext_authz: it would be a bypass. */
export function httpFilters(options: BootstrapOptions): unknown[] {
  const asked =
    options.front === 'ext_proc'
      ? processorFilters(options)
      : [verifierFilter(options), ...signerFilters(options)];
  return [...floodGuards(options.flood), ...asked, ROUTER];
}

/** `suppress_envoy_headers`: neither side is told about Envoy's own time-outs and attempts. */
export const ROUTER: Section = extension(
  'envoy.filters.http.router',
  'envoy.extensions.filters.http.router.v3.Router',
  { suppress_envoy_headers: true },
);

function floodGuards(flood: FloodOptions): unknown[] {
  const guards: unknown[] = [];
  if (flood.requestsPerSecondPerConnection > 0)
    guards.push(floodGuard('connection', flood.requestsPerSecondPerConnection));
  if (flood.requestsPerSecond > 0) guards.push(floodGuard('listener', flood.requestsPerSecond));
  return guards;
}

/**
 * 503, not 429: nobody is known yet whose allowance could be used up, the gateway is overloaded. Producers
 * retry both, and a 429 stays what docs/wire-contract.md says, the limit of a verified operator.
 */
function floodGuard(scope: 'connection' | 'listener', perSecond: number): Section {
  const always = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
  return extension(
    `envoy.filters.http.local_ratelimit.${scope}`,
    'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    {
      stat_prefix: `flood_${scope}`,
      status: { code: 'ServiceUnavailable' },
      token_bucket: tokenBucket(perSecond),
      filter_enabled: always,
      filter_enforced: always,
      ...(scope === 'connection' && { local_rate_limit_per_downstream_connection: true }),
    },
  );
}

/** Filled ten times a second, so that a burst is smoothed; holds twice the rate. */
export function tokenBucket(perSecond: number): Section {
  const perFill = Math.max(1, Math.ceil(perSecond / 10));
  return {
    max_tokens: perSecond * 2,
    tokens_per_fill: perFill,
    fill_interval: duration(Math.round((1000 * perFill) / perSecond)),
  };
}

function verifierFilter(options: BootstrapOptions): Section {
  const { maxBodyBytes, checkTimeoutMilliseconds } = options;
  return extension('envoy.filters.http.ext_authz', 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', {
    stat_prefix: 'verifier',
    transport_api_version: 'V3',
    grpc_service: verifierService(options, VERIFIER_CLUSTER, checkTimeoutMilliseconds),
    failure_mode_allow: note('no verifier, no traffic', false),
    status_on_error: { code: 'ServiceUnavailable' },
    with_request_body: {
      max_request_bytes: maxBodyBytes,
      allow_partial_message: false,
      pack_as_bytes: note('the signature covers bytes, and text would be lossy', true),
    },
    include_peer_certificate: true,
    include_tls_session: true,
    encode_raw_headers: note('duplicates and their order must be seen', true),
    validate_mutations: true,
    clear_route_cache: note('a cleared cache could lead past the check', false),
  });
}
