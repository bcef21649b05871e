/** The signer, and ext_proc in place of ext_authz, made wrong. */
import { filter, items, manager, named, route, tree, type Tree } from '../support/document.js';
import { loadWithSource } from '../support/configured.js';
import { mutation, type Mutation } from './mutation.js';

const EXT_PROC = 'envoy.filters.http.ext_proc';

function signer(field: string, value: unknown): (bootstrap: Tree) => void {
  return (bootstrap) => (filter(bootstrap, 'ext_proc')[field] = tree(value));
}

/** As `src/envoy-config/processor.ts` has it. */
const GUARD = {
  name: 'guard',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
    rules: {
      policies: {
        decided: {
          permissions: [
            {
              sourced_metadata: {
                metadata_matcher: {
                  filter: 'countersign',
                  path: [{ key: 'code' }],
                  value: { string_match: { exact: 'allow' } },
                },
              },
            },
          ],
          principals: [{ any: true }],
        },
      },
    },
  },
};

/** An ext_proc that judges requests, as gateways have it, in the place of ext_authz. */
function front(change: (config: Tree) => void): (bootstrap: Tree) => void {
  return (bootstrap) => {
    const filters = items(manager(bootstrap)['http_filters']);
    const at = filters.indexOf(named(manager(bootstrap)['http_filters']!, 'envoy.filters.http.ext_authz'));
    const config = tree({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor',
      grpc_service: { envoy_grpc: { cluster_name: 'verifier', authority: 'countersign' } },
      failure_mode_allow: false,
      status_on_error: { code: 'ServiceUnavailable' },
      message_timeout: '1s',
      mutation_rules: { disallow_is_error: true },
      metadata_options: { receiving_namespaces: { untyped: ['countersign'] } },
      processing_mode: {
        request_header_mode: 'SEND',
        request_body_mode: 'BUFFERED',
        response_header_mode: 'SKIP',
      },
      request_attributes: ['connection.sha256_peer_certificate_digest'],
    });
    change(config);
    filters.splice(at, 1, tree({ name: 'front', typed_config: config }), tree(GUARD));
    for (const entry of items(manager(bootstrap)['route_config']!['virtual_hosts']![0]!['routes']))
      delete entry['typed_per_filter_config']?.['envoy.filters.http.ext_authz'];
    const rest = items(manager(bootstrap)['http_filters']);
    manager(bootstrap)['http_filters'] = tree(
      rest.filter((entry) => (entry['name'] as unknown) !== EXT_PROC),
    );
    const signed = route(bootstrap, 'signed')['typed_per_filter_config'];
    if (signed !== undefined) Reflect.deleteProperty(signed, EXT_PROC);
  };
}

/** The good one: nothing else of ours is wrong with it. */
export const GOOD_FRONT = front(() => undefined);

function onSignedRoute(change: (route: Tree) => void): (bootstrap: Tree) => void {
  return (bootstrap) => change(route(bootstrap, 'signed'));
}

function withoutHeader(field: string): (bootstrap: Tree) => void {
  return onSignedRoute((signed) => void Reflect.deleteProperty(signed, field));
}

/** In the order of the rules. */
export const PROCESSOR_MUTATIONS: readonly Mutation[] = [
  mutation(
    'CSD101',
    'a front that fails open',
    front((config) => (config['failure_mode_allow'] = tree(true))),
  ),
  mutation(
    'CSD104',
    'a front that clears the route cache',
    front((config) => (config['route_cache_action'] = tree('CLEAR'))),
  ),
  mutation(
    'CSD115',
    'a front that sees some headers',
    front((config) => {
      config['forward_rules'] = tree({ allowed_headers: { patterns: [{ prefix: 'x-' }] } });
    }),
  ),
  mutation(
    'CSD130',
    'a front of 200 ms',
    front((config) => void Reflect.deleteProperty(config, 'message_timeout')),
  ),
  mutation('CSD136', 'a signer for a faster source', signer('message_timeout', '1.2s'), {
    known: { configuration: loadWithSource(1000) },
  }),
  mutation('CSD201', 'a signer that only looks', signer('observability_mode', true)),
  mutation('CSD202', 'modes by the signer', signer('allow_mode_override', true)),
  mutation(
    'CSD203',
    'answers in part',
    onSignedRoute((signed) => {
      signed['typed_per_filter_config']![EXT_PROC]!['overrides']!['processing_mode']!['response_body_mode'] =
        tree('BUFFERED_PARTIAL');
    }),
  ),
  mutation(
    'CSD203',
    'requests in part',
    front((config) => {
      config['processing_mode']!['request_body_mode'] = tree('BUFFERED_PARTIAL');
    }),
  ),
  mutation(
    'CSD204',
    'a front without bodies',
    front((config) => {
      config['processing_mode']!['request_body_mode'] = tree('NONE');
    }),
  ),
  mutation(
    'CSD205',
    'a front without the certificate',
    front((config) => void Reflect.deleteProperty(config, 'request_attributes')),
  ),
  mutation(
    'CSD206',
    'a front without refusals',
    front((config) => (config['disable_immediate_response'] = tree(true))),
  ),
  mutation('CSD207', 'changes dropped', signer('mutation_rules', {})),
  mutation('CSD208', 'metadata of the signer', (bootstrap) => {
    filter(bootstrap, 'ext_proc')['metadata_options']!['receiving_namespaces'] = tree({
      untyped: ['envoy.filters.http.ext_authz'],
    });
  }),
  mutation('CSD210', 'the signer before the check', (bootstrap) => {
    const filters = items(manager(bootstrap)['http_filters']);
    const at = filters.findIndex(({ name }) => (name as unknown) === EXT_PROC);
    filters.splice(0, 0, ...filters.splice(at, 1));
  }),
  mutation('CSD211', 'a signer without context', signer('metadata_options', {})),
  mutation('CSD212', 'no route turns the signer on', (bootstrap) => {
    for (const entry of items(manager(bootstrap)['route_config']!['virtual_hosts']![0]!['routes'])) {
      const overrides = entry['typed_per_filter_config'];
      if (overrides !== undefined) Reflect.deleteProperty(overrides, EXT_PROC);
    }
  }),
  mutation(
    'CSD212',
    'a front that signs without headers',
    front((config) => {
      config['processing_mode']!['response_body_mode'] = tree('BUFFERED');
    }),
  ),
  mutation('CSD213', 'no guard', (bootstrap) => {
    const rest = items(manager(bootstrap)['http_filters']);
    manager(bootstrap)['http_filters'] = tree(
      rest.filter((entry) => (entry['name'] as unknown) !== 'envoy.filters.http.lua'),
    );
    for (const entry of items(manager(bootstrap)['route_config']!['virtual_hosts']![0]!['routes'])) {
      const overrides = entry['typed_per_filter_config'];
      if (overrides !== undefined) Reflect.deleteProperty(overrides, 'envoy.filters.http.lua');
    }
  }),
  mutation('CSD214', 'compressed answers', withoutHeader('request_headers_to_remove')),
  mutation('CSD214', 'a mark of the application', withoutHeader('response_headers_to_remove')),
  mutation('CSD215', 'a front alone', (bootstrap) => {
    GOOD_FRONT(bootstrap);
    const rest = items(manager(bootstrap)['http_filters']);
    manager(bootstrap)['http_filters'] = tree(rest.filter(({ name }) => (name as unknown) !== 'guard'));
  }),
  mutation(
    'CSD216',
    'a decision that nobody takes',
    front((config) => void Reflect.deleteProperty(config, 'metadata_options')),
  ),
];
