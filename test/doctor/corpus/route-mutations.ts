/** Routes, the filters around ours, and the connection manager, made wrong. */
import { items, manager, named, route, tree, type Tree } from '../support/document.js';
import { mutation, type Mutation } from './mutation.js';

const TYPES = 'type.googleapis.com/envoy.extensions.filters.http';
const EXT_AUTHZ = 'envoy.filters.http.ext_authz';
const PER_ROUTE = `${TYPES}.ext_authz.v3.ExtAuthzPerRoute`;

const TAKEN_IN = { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', config: {} };

function managed(field: string, value: unknown): (bootstrap: Tree) => void {
  return (bootstrap) => (manager(bootstrap)[field] = tree(value));
}

function common(field: string, value: unknown): (bootstrap: Tree) => void {
  return (bootstrap) => (manager(bootstrap)['common_http_protocol_options']![field] = tree(value));
}

/** Changes the action of the first policy's route. */
function action(field: string, value: unknown): (bootstrap: Tree) => void {
  return (bootstrap) => (route(bootstrap, 'first')['route']![field] = tree(value));
}

function perRoute(value: object): (bootstrap: Tree) => void {
  return (bootstrap) => {
    route(bootstrap, 'first')['typed_per_filter_config']![EXT_AUTHZ] = tree({ '@type': PER_ROUTE, ...value });
  };
}

/** Puts a filter before the router, or first. */
function inserted(where: 'first' | 'behind', type: string, config: object): (bootstrap: Tree) => void {
  return (bootstrap) => {
    const filters = items(manager(bootstrap)['http_filters']);
    const entry = tree({ name: 'inserted', typed_config: { '@type': `${TYPES}.${type}`, ...config } });
    filters.splice(where === 'first' ? 0 : -1, 0, entry);
  };
}

const lua = (code: string): object => ({ default_source_code: { inline_string: code } });

const AROUND: readonly Mutation[] = [
  mutation(
    'CSD301',
    'a script that clears the route cache',
    inserted('behind', 'lua.v3.Lua', lua('function envoy_on_request(handle) handle:clearRouteCache() end')),
  ),
  mutation(
    'CSD302',
    'a script behind the verifier',
    inserted('behind', 'lua.v3.Lua', lua('function envoy_on_request(handle) end')),
  ),
  mutation(
    'CSD302',
    'headers of requests changed behind it',
    inserted('behind', 'header_mutation.v3.HeaderMutation', {
      mutations: {
        request_mutations: [{ append: { header: { key: 'x-countersign-identity', value: 'me' } } }],
      },
    }),
  ),
  mutation('CSD302', 'headers of requests changed on a route', (bootstrap) => {
    inserted('behind', 'header_mutation.v3.HeaderMutation', {})(bootstrap);
    const append = { header: { key: 'x-countersign-identity', value: 'me' } };
    route(bootstrap, 'first')['typed_per_filter_config']!['inserted'] = tree({
      '@type': `${TYPES}.header_mutation.v3.HeaderMutationPerRoute`,
      mutations: { request_mutations: [{ append }] },
    });
  }),
  mutation('CSD303', 'bodies decompressed', inserted('first', 'grpc_web.v3.GrpcWeb', {})),
  mutation(
    'CSD304',
    'a cache in front',
    inserted('first', 'cache.v3.CacheConfig', {
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig',
      },
    }),
  ),
  mutation(
    'CSD305',
    'a filter that we do not know',
    inserted('first', 'original_src.v3.OriginalSrc', { mark: 1 }),
  ),
  mutation(
    'CSD306',
    'a script in front',
    inserted('first', 'lua.v3.Lua', lua('function envoy_on_request(handle) end')),
  ),
];

const IN_ROUTES: readonly Mutation[] = [
  mutation('CSD401', 'a route that is off', perRoute({ disabled: true })),
  mutation('CSD401', 'a route that is off by the wrapper', (bootstrap) => {
    route(bootstrap, 'first')['typed_per_filter_config']![EXT_AUTHZ] = tree({
      '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig',
      disabled: true,
    });
  }),
  mutation('CSD401', 'a filter that is off', (bootstrap) => {
    named(manager(bootstrap)['http_filters']!, EXT_AUTHZ)['disabled'] = tree(true);
  }),
  mutation('CSD401', 'a virtual host that is off', (bootstrap) => {
    const [host] = items(manager(bootstrap)['route_config']!['virtual_hosts']);
    host!['typed_per_filter_config'] = tree({ [EXT_AUTHZ]: { '@type': PER_ROUTE, disabled: true } });
  }),
  mutation('CSD401', 'a filter that routes turn on, and one does not', (bootstrap) => {
    named(manager(bootstrap)['http_filters']!, EXT_AUTHZ)['disabled'] = tree(true);
    const routes = items(manager(bootstrap)['route_config']!['virtual_hosts']![0]!['routes']);
    for (const entry of routes) entry['typed_per_filter_config'] ??= tree({ [EXT_AUTHZ]: TAKEN_IN });
    delete route(bootstrap, 'last')['typed_per_filter_config'];
  }),
  mutation('CSD401', 'a filter that a route takes in, and its host has disabled', (bootstrap) => {
    const [host] = items(manager(bootstrap)['route_config']!['virtual_hosts']);
    host!['typed_per_filter_config'] = tree({ [EXT_AUTHZ]: { '@type': PER_ROUTE, disabled: true } });
    route(bootstrap, 'last')['typed_per_filter_config'] = tree({ [EXT_AUTHZ]: TAKEN_IN });
  }),
  mutation('CSD401', 'a weighted cluster that is off', (bootstrap) => {
    delete route(bootstrap, 'last')['route']!['cluster'];
    const off = { [EXT_AUTHZ]: { '@type': PER_ROUTE, disabled: true } };
    route(bootstrap, 'last')['route']!['weighted_clusters'] = tree({
      clusters: [
        { name: 'upstream', weight: 99 },
        { name: 'upstream', weight: 1, typed_per_filter_config: off },
      ],
    });
  }),
  mutation(
    'CSD402',
    'a route without the body',
    perRoute({ check_settings: { disable_request_body_buffering: true } }),
  ),
  mutation(
    'CSD402',
    'a route with partial bodies',
    perRoute({
      check_settings: { with_request_body: { max_request_bytes: 10, allow_partial_message: true } },
    }),
  ),
  mutation(
    'CSD403',
    'a route that asks another',
    perRoute({ check_settings: { grpc_service: { envoy_grpc: { cluster_name: 'upstream' } } } }),
  ),
  mutation('CSD404', 'no last route', (bootstrap) => {
    const [host] = items(manager(bootstrap)['route_config']!['virtual_hosts']);
    items(host!['routes']).pop();
  }),
  mutation('CSD410', 'websockets', managed('upgrade_configs', [{ upgrade_type: 'websocket' }])),
  mutation('CSD410', 'extended CONNECT', (bootstrap) => {
    manager(bootstrap)['http2_protocol_options']!['allow_connect'] = tree(true);
  }),
  mutation('CSD410', 'websockets of a route', action('upgrade_configs', [{ upgrade_type: 'websocket' }])),
  mutation('CSD411', 'retries of answers', action('retry_policy', { retry_on: 'connect-failure,5xx' })),
  mutation('CSD412', 'a mirror', action('request_mirror_policies', [{ cluster: 'door' }])),
  mutation('CSD413', 'an identity set by a route', (bootstrap) => {
    route(bootstrap, 'first')['request_headers_to_add'] = tree([
      { header: { key: 'x-countersign-identity', value: '%REQ(x-me)%' } },
    ]);
  }),
  mutation('CSD413', 'an identity removed by the table', (bootstrap) => {
    manager(bootstrap)['route_config']!['request_headers_to_remove'] = tree(['X-Countersign-Identity']);
  }),
  mutation('CSD414', 'a path rewritten', action('prefix_rewrite', '/other')),
  mutation('CSD415', 'redirects followed', action('internal_redirect_policy', { max_internal_redirects: 1 })),
  mutation('CSD416', 'a cluster by header', (bootstrap) => {
    delete route(bootstrap, 'first')['route']!['cluster'];
    route(bootstrap, 'first')['route']!['cluster_header'] = tree('x-cluster');
  }),
  mutation('CSD417', 'any case', (bootstrap) => {
    route(bootstrap, 'first')['match']!['case_sensitive'] = tree(false);
  }),
];

const MANAGER: readonly Mutation[] = [
  mutation('CSD501', 'paths as they came', managed('normalize_path', false)),
  mutation(
    'CSD501',
    'slashes unescaped',
    managed('path_with_escaped_slashes_action', 'UNESCAPE_AND_FORWARD'),
  ),
  mutation('CSD502', 'escaped slashes kept', managed('path_with_escaped_slashes_action', 'KEEP_UNCHANGED')),
  mutation('CSD503', 'certificates forwarded', managed('forward_client_cert_details', 'APPEND_FORWARD')),
  mutation('CSD504', 'a believed client', managed('use_remote_address', false)),
  mutation('CSD505', 'underscores', common('headers_with_underscores_action', 'ALLOW')),
  mutation('CSD506', 'no request time-out', managed('request_timeout', '0s')),
  mutation('CSD507', 'idle streams', managed('stream_idle_timeout', '0s')),
  mutation('CSD508', 'chunked and length', managed('http_protocol_options', { allow_chunked_length: true })),
  mutation(
    'CSD509',
    'HTTP/1.0',
    managed('http_protocol_options', { accept_http_10: true, default_host_for_http_10: 'a' }),
  ),
  mutation('CSD510', 'refusals as successes', (bootstrap) => {
    items(manager(bootstrap)['local_reply_config']!['mappers']).push(
      tree({
        filter: {
          status_code_filter: { comparison: { op: 'EQ', value: { default_value: 401, runtime_key: 'a' } } },
        },
        status_code: 200,
      }),
    );
  }),
];

/** In the order of the rules. */
export const ROUTE_MUTATIONS: readonly Mutation[] = [...AROUND, ...IN_ROUTES, ...MANAGER];
