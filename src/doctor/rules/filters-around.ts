/** CSD3xx: the other HTTP filters between a client, the verifier and the application. */
import type { Manager } from '../model/envoy.js';
import type { HttpFilter } from '../model/filters.js';
import { decided, type Judged, type Place, type Rule } from './rule.js';

/** `envoy.extensions.filters.http.cors.v3.Cors` → `cors`; the whole type of those of others. */
export function kindOf(type: string): string {
  return /^envoy\.extensions\.filters\.http\.([a-z0-9_]+)\.v[0-9]/.exec(type)?.[1] ?? type;
}

/** They neither change what a request says nor where it goes; those of Istio by their types. */
export const HARMLESS: ReadonlySet<string> = new Set([
  ...['admission_control', 'adaptive_concurrency', 'bandwidth_limit', 'buffer', 'compressor', 'cors', 'csrf'],
  ...['fault', 'health_check', 'ip_tagging', 'local_ratelimit', 'ratelimit', 'rate_limit_quota', 'rbac'],
  ...['router', 'stateful_session', 'set_filter_state', 'set_metadata', 'alternate_protocols_cache'],
  ...['basic_auth', 'geoip', 'oauth2', 'api_key_auth', 'file_system_buffer', 'grpc_stats', 'cdn_loop'],
  ...['cache', 'cache_v2', 'bandwidth_share', 'body_size_limit'],
  ...['stats.PluginConfig', 'io.istio.http.peer_metadata.Config'],
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
]);
/** They change bodies, or make another request of one. */
export const BODY_CHANGERS: ReadonlySet<string> = new Set([
  ...['decompressor', 'grpc_json_transcoder', 'grpc_json_reverse_transcoder', 'grpc_web', 'transform'],
  ...['grpc_http1_bridge', 'grpc_http1_reverse_bridge', 'connect_grpc_bridge', 'aws_lambda'],
  ...['proto_api_scrubber', 'mcp_json_rest_bridge'],
]);
/** They run code, ask others, or hold other filters, and may do anything to a request, the choice of its route included. */
export const PROGRAMS: ReadonlySet<string> = new Set([
  ...['lua', 'wasm', 'ext_proc', 'golang', 'dynamic_modules', 'composite', 'on_demand', 'filter_chain'],
  ...['dynamic_forward_proxy', 'ext_authz', 'header_mutation', 'jwt_authn', 'header_to_metadata'],
  ...['json_to_metadata', 'custom_response', 'tap', 'aws_request_signing', 'credential_injector'],
  ...['gcp_authn', 'envoy.extensions.common.matching.v3.ExtensionWithMatcher'],
]);
/** They answer from what they kept. */
const CACHES: ReadonlySet<string> = new Set(['cache', 'cache_v2']);

const REQUEST_MUTATIONS = /request_mutations|requestMutations/;
/** A function for requests, or a script that is not in the document. */
const REQUEST_SCRIPT = /envoy_on_request|"filename"|"inline_bytes"|"inlineBytes"|"environment_variable"/;

/** Whether its setting, or what a route says of it, has this. */
function says({ routes }: Manager, { config, name }: HttpFilter, pattern: RegExp): boolean {
  const levels = new Set(routes.flatMap(({ overrides }) => overrides));
  return pattern.test(config.json) || [...levels].some((level) => pattern.test(level.get(name)?.json ?? ''));
}

/** Behind the verifier these do nothing to requests. */
function isHarmlessBehind(manager: Manager, filter: HttpFilter): boolean {
  const kind = kindOf(filter.type);
  if (kind === 'header_mutation') return !says(manager, filter, REQUEST_MUTATIONS);
  if (kind === 'lua') return filter.config.isThere && !says(manager, filter, REQUEST_SCRIPT);
  return HARMLESS.has(kind);
}

/** It may change what a request says. */
function changesRequests(manager: Manager, filter: HttpFilter): boolean {
  return PROGRAMS.has(kindOf(filter.type)) && !isHarmlessBehind(manager, filter);
}

const CLEARS_CACHE =
  /"(?:clear_route_cache|clearRouteCache)":true|clearRouteCache\(|"(?:route_cache_action|routeCacheAction)":(?:"CLEAR"|1)/;

function* around(
  { envoy }: Judged,
  wanted: (filter: HttpFilter, isBehind: boolean, manager: Manager) => boolean,
): Iterable<Place> {
  for (const { manager, filter: decider } of decided({ envoy } as Judged))
    for (const filter of manager.filters) {
      if (filter.role !== undefined || filter.type === '') continue;
      if (wanted(filter, filter.index > decider.index, manager))
        yield { where: filter.entry.path, detail: filter.type };
    }
}

function* unknownFilters(judged: Judged): Iterable<Place> {
  const isUnknown = ({ type }: HttpFilter): boolean =>
    [HARMLESS, BODY_CHANGERS, PROGRAMS].every((known) => !known.has(kindOf(type)));
  yield* around(judged, (filter, isBehind) => !isBehind && isUnknown(filter));
  for (const place of around(judged, (filter, isBehind) => isBehind && isUnknown(filter)))
    yield { ...place, severity: 'warning' };
}

/** In the order of their ids. */
export const FILTERS_AROUND: readonly Rule[] = [
  {
    id: 'CSD301',
    name: 'route-changed-behind',
    severity: 'error',
    what: 'A filter behind the verifier has Envoy choose the route again.',
    why: 'The request was judged for one route and takes another; where none matched before, nothing was checked at all.',
    instead: 'put the filter before the verifier, or have it leave the route cache alone',
    check: (judged) =>
      around(judged, (filter, isBehind, manager) => isBehind && says(manager, filter, CLEARS_CACHE)),
  },
  {
    id: 'CSD302',
    name: 'changed-behind',
    severity: 'warning',
    what: 'A filter behind the verifier can change a request that was verified.',
    why: 'The application receives something else than was signed; a header of ours can be set by it.',
    instead: 'put it before the verifier, or do without it',
    check: (judged) =>
      around(judged, (filter, isBehind, manager) => isBehind && changesRequests(manager, filter)),
  },
  {
    id: 'CSD303',
    name: 'body-changed',
    severity: 'error',
    what: 'A filter changes bodies, before or behind the verifier.',
    why: 'Before it the signature is over other bytes, so honest requests are refused; behind it the application gets other bytes than were signed.',
    instead: 'turn it off on routes of signed requests',
    check: (judged) => around(judged, (filter) => BODY_CHANGERS.has(kindOf(filter.type))),
  },
  {
    id: 'CSD304',
    name: 'cache-in-front',
    severity: 'error',
    what: 'Envoy answers from a cache before the verifier is asked.',
    why: 'A stranger gets the answer that a verified client got.',
    instead: 'no cache on these routes',
    check: (judged) => around(judged, (filter, isBehind) => !isBehind && CACHES.has(kindOf(filter.type))),
  },
  {
    id: 'CSD305',
    name: 'filter-not-known',
    severity: 'note',
    what: 'What a filter beside the verifier does is not known here, and was not judged.',
    why: 'Behind the verifier it could change what was verified; before it, hide something from it.',
    instead: 'look at what it does to requests',
    check: unknownFilters,
  },
  {
    id: 'CSD306',
    name: 'program-in-front',
    severity: 'note',
    what: 'A filter before the verifier can change requests.',
    why: 'A changed body or header no longer has the signature of its sender: such requests are refused.',
    instead: 'see that it leaves bodies and the headers of the signature alone',
    check: (judged) =>
      around(judged, (filter, isBehind, manager) => !isBehind && changesRequests(manager, filter)),
  },
];
