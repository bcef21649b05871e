/** Whether and how the verifier is asked, made wrong. */
import { cluster, filter, items, manager, named, tree, type Tree } from '../support/document.js';
import { mutation, type Mutation } from './mutation.js';

const checkFilter = (bootstrap: Tree): Tree => filter(bootstrap, 'ext_authz');

function set(field: string, value: unknown): (bootstrap: Tree) => void {
  return (bootstrap) => (checkFilter(bootstrap)[field] = tree(value));
}

function without(field: string): (bootstrap: Tree) => void {
  return (bootstrap) => void Reflect.deleteProperty(checkFilter(bootstrap), field);
}

function service(change: (service: Tree) => void): (bootstrap: Tree) => void {
  return (bootstrap) => change(checkFilter(bootstrap)['grpc_service']!);
}

const nameOf = (name: unknown): string => name as string;

/** A manager that goes straight on. */
function openManager(bootstrap: Tree): Tree {
  const copy = structuredClone(manager(bootstrap));
  copy['http_filters'] = tree(items(copy['http_filters']).slice(-1));
  const hosts = items(copy['route_config']!['virtual_hosts']);
  hosts[0]!['routes'] = tree([{ match: { prefix: '/' }, route: { cluster: 'upstream' } }]);
  return copy;
}

function openFilters(bootstrap: Tree): Tree {
  return tree([
    { name: 'envoy.filters.network.http_connection_manager', typed_config: openManager(bootstrap) },
  ]);
}

/** In the order of the rules. */
export const CHECK_MUTATIONS: readonly Mutation[] = [
  mutation('CSD001', 'no filter asks', (bootstrap) => {
    const config = manager(bootstrap);
    config['http_filters'] = tree(
      items(config['http_filters']).filter(({ name }) => !nameOf(name).endsWith('ext_authz')),
    );
    for (const entry of items(config['route_config']!['virtual_hosts']![0]!['routes']))
      delete entry['typed_per_filter_config'];
    config['http_filters'] = tree(
      items(config['http_filters']).filter(({ name }) => !/lua|ext_proc/.test(nameOf(name))),
    );
  }),
  mutation('CSD002', 'a chain for another server name', (bootstrap) => {
    const listener = named(bootstrap['static_resources']!['listeners']!, 'ingress');
    const [first] = items(listener['filter_chains']);
    items(listener['filter_chains']).push(
      tree({
        filter_chain_match: { server_names: ['other.example'] },
        transport_socket: structuredClone(first!['transport_socket']),
        filters: openFilters(bootstrap),
      }),
    );
  }),
  mutation('CSD003', 'another listener to the application', (bootstrap) => {
    items(bootstrap['static_resources']!['listeners']).push(
      tree({
        name: 'internal',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        filter_chains: [{ filters: openFilters(bootstrap) }],
      }),
    );
  }),
  mutation('CSD003', 'a TCP proxy to the application', (bootstrap) => {
    items(bootstrap['static_resources']!['listeners']).push(
      tree({
        name: 'raw',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        filter_chains: [
          {
            filters: [
              {
                name: 'tcp',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                  stat_prefix: 'raw',
                  cluster: 'upstream',
                },
              },
            ],
          },
        ],
      }),
    );
  }),
  mutation('CSD004', 'the filter twice', (bootstrap) => {
    const filters = items(manager(bootstrap)['http_filters']);
    const again = structuredClone(named(manager(bootstrap)['http_filters']!, 'envoy.filters.http.ext_authz'));
    again['name'] = tree('again');
    filters.splice(-1, 0, again);
  }),
  mutation('CSD005', 'an optional filter', (bootstrap) => {
    named(manager(bootstrap)['http_filters']!, 'envoy.filters.http.ext_authz')['is_optional'] = tree(true);
  }),
  mutation('CSD101', 'failure_mode_allow', set('failure_mode_allow', true)),
  mutation('CSD101', 'failure_mode_allow of the signer', (bootstrap) => {
    filter(bootstrap, 'ext_proc')['failure_mode_allow'] = tree(true);
  }),
  mutation('CSD102', 'shadow_mode', set('shadow_mode', true), { lines: ['1.40'] }),
  mutation(
    'CSD103',
    'filter_enabled for half',
    set('filter_enabled', {
      default_value: { numerator: 50, denominator: 'HUNDRED' },
      runtime_key: 'checks',
    }),
  ),
  mutation('CSD104', 'clear_route_cache', set('clear_route_cache', true)),
  mutation(
    'CSD105',
    'no header may be changed',
    set('decoder_header_mutation_rules', { disallow_all: true }),
  ),
  mutation('CSD110', 'no body', without('with_request_body')),
  mutation('CSD111', 'body as text', (bootstrap) => {
    delete checkFilter(bootstrap)['with_request_body']!['pack_as_bytes'];
  }),
  mutation('CSD112', 'partial bodies', (bootstrap) => {
    checkFilter(bootstrap)['with_request_body']!['allow_partial_message'] = tree(true);
  }),
  mutation('CSD113', 'no certificate', without('include_peer_certificate')),
  mutation('CSD114', 'joined headers', without('encode_raw_headers')),
  mutation('CSD115', 'some headers', set('allowed_headers', { patterns: [{ prefix: 'x-' }] })),
  mutation('CSD116', 'no TLS session', without('include_tls_session')),
  mutation('CSD120', 'over HTTP', (bootstrap) => {
    const config = checkFilter(bootstrap);
    delete config['grpc_service'];
    config['http_service'] = tree({
      server_uri: { uri: 'http://verifier', cluster: 'verifier', timeout: '1s' },
    });
  }),
  mutation('CSD121', 'no status_on_error', without('status_on_error')),
  mutation('CSD122', 'no validate_mutations', without('validate_mutations')),
  mutation('CSD123', 'refusals cut', set('max_denied_response_body_bytes', 16), { lines: ['1.40'] }),
  mutation(
    'CSD130',
    'the default time-out',
    service((grpc) => delete grpc['timeout']),
  ),
  mutation('CSD131', 'a request time-out below the check', (bootstrap) => {
    manager(bootstrap)['request_timeout'] = tree('0.5s');
  }),
  mutation(
    'CSD132',
    'a check retried',
    service((grpc) => (grpc['retry_policy'] = tree({ retry_on: 'connect-failure,reset,5xx' }))),
  ),
  mutation(
    'CSD133',
    'tries of 250 ms',
    service((grpc) => (grpc['retry_policy'] = tree({ retry_on: 'connect-failure' }))),
  ),
  mutation('CSD134', "a mesh's cluster name", (bootstrap) => {
    const name = 'outbound|9000||countersign.ns.svc.cluster.local';
    const copy = structuredClone(cluster(bootstrap, 'verifier'));
    copy['name'] = copy['load_assignment']!['cluster_name'] = tree(name);
    items(bootstrap['static_resources']!['clusters']).push(copy);
    checkFilter(bootstrap)['grpc_service']!['envoy_grpc'] = tree({ cluster_name: name });
  }),
  mutation(
    'CSD135',
    "Google's gRPC",
    service((grpc) => {
      delete grpc['envoy_grpc'];
      grpc['google_grpc'] = tree({
        target_uri: 'unix:/run/countersign/verifier.sock',
        stat_prefix: 'countersign',
      });
    }),
  ),
];
