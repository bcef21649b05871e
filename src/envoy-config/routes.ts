/** Which policy judges which path. Every request finds a route, as without one ext_authz is not asked. */
import { DECISION_HEADER } from '../protocol/header-names.js';
import { isSigned, type BootstrapOptions, type RouteOptions } from './options.js';
import { signedRoute, signerOverride } from './signer.js';
import { duration, note, type Section } from './yaml-text.js';

const PER_ROUTE = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute';

/**
 * Headers with which a client could speak to Envoy or to a filter; the listener ignores most from outside,
 * and the upstream gets none.
 */
const REMOVED_HEADERS = [
  'x-envoy-attempt-count',
  'x-envoy-auth-partial-body',
  'x-envoy-degraded',
  'x-envoy-external-address',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-ip-tags',
  'x-envoy-max-retries',
  'x-envoy-original-dst-host',
  'x-envoy-original-host',
  'x-envoy-original-path',
  'x-envoy-overloaded',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-stream-duration-ms',
];

/** The route table: exact paths, then prefixes from the longest, then everything else. */
export function routeConfiguration(options: BootstrapOptions): Section {
  const exact = options.routes.filter((route) => route.kind === 'exact');
  const prefixes = options.routes
    .filter((route) => route.kind === 'prefix')
    .sort((a, b) => b.path.length - a.path.length);
  const ordered = [...exact, ...prefixes];
  const rest = { match: { prefix: '/' }, route: upstreamAction(options) };
  return {
    name: 'countersign',
    request_headers_to_remove: REMOVED_HEADERS,
    response_headers_to_remove: note('only this gateway may say what was decided', [DECISION_HEADER]),
    virtual_hosts: [
      {
        name: 'everything',
        domains: ['*'],
        request_body_buffer_limit: note(
          'a body of the largest size can still be retried',
          options.maxBodyBytes * 2,
        ),
        retry_policy: RETRY_POLICY,
        routes: [
          ...ordered.map((route) => policyRoute(route, ordered, options)),
          note('No policy: checked all the same, and refused by the verifier with 404.', rest),
        ],
      },
    ],
  };
}

function policyRoute(
  route: RouteOptions,
  ordered: readonly RouteOptions[],
  options: BootstrapOptions,
): Section {
  return {
    match: routeMatch(route, ordered),
    route: upstreamAction(options),
    ...(isSigned(route) && signedRoute(options)),
    ...perFilter({
      ...(options.front === 'ext_authz' && named(route)),
      ...(isSigned(route) && signerOverride(options)),
    }),
  };
}

function perFilter(config: Section): Section {
  return Object.keys(config).length === 0 ? {} : { typed_per_filter_config: config };
}

/** To ext_authz a route can say its policy; for ext_proc the verifier finds it by method and path. */
function named({ policy }: RouteOptions): Section {
  return {
    'envoy.filters.http.ext_authz': {
      '@type': PER_ROUTE,
      check_settings: { context_extensions: { countersign_policy: policy } },
    },
  };
}

/**
 * Policies that share a path are told apart by method. The last of them also takes every other method,
 * for its verifier to answer 405: such a request must not fall through to a wider, laxer prefix.
 */
function routeMatch(route: RouteOptions, ordered: readonly RouteOptions[]): Section {
  const path = route.kind === 'exact' ? { path: route.path } : { prefix: route.path };
  const sharing = ordered.filter((other) => other.kind === route.kind && other.path === route.path);
  if (sharing.at(-1) === route) return path;
  const methods = [...route.methods].join('|');
  return { ...path, headers: [{ name: ':method', string_match: { safe_regex: { regex: methods } } }] };
}

/** Where an allowed request goes, whatever its policy. */
function upstreamAction({ upstreamTimeoutMilliseconds }: BootstrapOptions): Section {
  return { cluster: 'upstream', timeout: duration(upstreamTimeoutMilliseconds) };
}

/**
 * Retries cover only what the upstream has not seen: the nonce is spent by then, so a request that may have
 * arrived must not be sent twice, and one that never did must not be lost. The filters do not run again.
 * The pauses are random, five seconds together on average and hardly ever under two: an upstream's restart is
 * waited for. By then the nonce is spent, so giving up earlier would lose the request to a 409.
 */
const RETRY_POLICY: Section = {
  retry_on: 'connect-failure,refused-stream,reset-before-request',
  num_retries: 12,
  retry_back_off: { base_interval: duration(100), max_interval: duration(1000) },
};
