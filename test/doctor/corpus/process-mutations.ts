/** TLS, clusters, the process, and what does not agree with our configuration, made wrong. */
import type { Configuration } from '../../../src/config/settings.js';
import type { SignedPolicy } from '../../../src/verify/snapshot.js';
import { cluster, filter, items, manager, named, route, tls, tree, type Tree } from '../support/document.js';
import type { Facts } from '../../../src/doctor/facts.js';
import { loadMinimal } from '../support/configured.js';
import { mutation, type Mutation } from './mutation.js';
import { GOOD_FRONT } from './processor-mutations.js';

const nothing = (): void => undefined;

function context(change: (context: Tree) => void): (bootstrap: Tree) => void {
  return (bootstrap) => change(tls(bootstrap));
}

/** The validation of clients, inline in place of by SDS. */
function validation(value: object | undefined): (bootstrap: Tree) => void {
  return context((config) => {
    const common = config['common_tls_context']!;
    delete common['validation_context_sds_secret_config'];
    if (value !== undefined) common['validation_context'] = tree(value);
  });
}

const CA = { trusted_ca: { filename: '/etc/countersign/tls/client-ca.pem' } };

function verifier(change: (cluster: Tree) => void): (bootstrap: Tree) => void {
  return (bootstrap) => change(cluster(bootstrap, 'verifier'));
}

const TLS: readonly Mutation[] = [
  mutation('CSD601', 'plain text', (bootstrap) => {
    const [chain] = items(named(bootstrap['static_resources']!['listeners']!, 'ingress')['filter_chains']);
    delete chain!['transport_socket'];
  }),
  mutation(
    'CSD602',
    'no certificate needed',
    context((config) => (config['require_client_certificate'] = tree(false))),
  ),
  mutation('CSD603', 'untrusted ones', validation({ ...CA, trust_chain_verification: 'ACCEPT_UNTRUSTED' })),
  mutation('CSD603', 'expired ones', validation({ ...CA, allow_expired_certificate: true })),
  mutation('CSD604', 'no CA', validation(undefined)),
  mutation(
    'CSD605',
    'TLS 1.2',
    context((config) => {
      delete config['common_tls_context']!['tls_params'];
    }),
  ),
  mutation(
    'CSD606',
    'tickets',
    context((config) => delete config['disable_stateless_session_resumption']),
  ),
];

const certificate = {
  where: 'secret[a]',
  use: 'server',
  subject: 'CN=a',
  notBeforeMs: 0,
  sha256: 'aa',
  isFirst: true,
} as const;

const CLUSTERS: readonly Mutation[] = [
  mutation('CSD607', 'an ended certificate', nothing, {
    known: { facts: { certificates: [{ ...certificate, notAfterMs: 1000 }] } },
  }),
  mutation('CSD608', 'another certificate', nothing, {
    known: {
      facts: {
        certificates: [{ ...certificate, notAfterMs: 9e15 }],
        configured: { server: 'bb', clientAuthorities: undefined },
      },
    },
  }),
  mutation('CSD608', 'a CA that Envoy lacks, and one too many', nothing, {
    known: {
      facts: {
        certificates: [{ ...certificate, use: 'client_ca', notAfterMs: 9e15 }],
        configured: { server: undefined, clientAuthorities: ['bb'] },
      },
    },
  }),
  mutation('CSD701', 'no cluster', (bootstrap) => {
    filter(bootstrap, 'ext_authz')['grpc_service']!['envoy_grpc']!['cluster_name'] = tree('countersign-gone');
  }),
  mutation(
    'CSD702',
    'over the network',
    verifier((config) => {
      config['load_assignment']!['endpoints']![0]!['lb_endpoints']![0]!['endpoint'] = tree({
        address: { socket_address: { address: '192.0.2.1', port_value: 9000 } },
      });
    }),
  ),
  mutation(
    'CSD703',
    'HTTP/1.1',
    verifier((config) => {
      delete config['typed_extension_protocol_options'];
      // Envoy refuses the question whether a verifier is healthy over HTTP/1.1.
      delete config['health_checks'];
    }),
  ),
  mutation(
    'CSD704',
    'no health checks',
    verifier((config) => delete config['health_checks']),
  ),
  mutation(
    'CSD704',
    'panic',
    verifier((config) => delete config['common_lb_config']),
  ),
  mutation(
    'CSD705',
    'over TCP without a secret',
    verifier((config) => {
      config['load_assignment']!['endpoints']![0]!['lb_endpoints']![0]!['endpoint'] = tree({
        address: { socket_address: { address: '127.0.0.1', port_value: 9000 } },
      });
    }),
  ),
  mutation('CSD711', 'an open admin endpoint', (bootstrap) => {
    bootstrap['admin']!['address']!['socket_address']!['address'] = tree('0.0.0.0');
  }),
  mutation('CSD712', 'no overload manager', (bootstrap) => {
    delete bootstrap['overload_manager'];
    delete bootstrap['static_resources']!['listeners']![0]!['bypass_overload_manager'];
  }),
  mutation('CSD720', 'a clock of another', nothing, {
    known: { facts: { clocks: [{ who: 'Envoy', aheadSeconds: -90 }] } },
  }),
  mutation('CSD721', 'a socket for all', nothing, {
    known: {
      facts: {
        files: [{ path: '/run/countersign/verifier.sock', mode: 0o777, isSocket: true, isDirectory: false }],
      },
    },
  }),
];

/** A good configuration whose policies are not those of our bootstrap. */
function configured(
  change: (configuration: Configuration) => Configuration = (same) => same,
): Pick<Mutation, 'known'> {
  return { known: { configuration: change(loadMinimal()) } };
}

function telemetryOf({ snapshot }: Configuration): SignedPolicy {
  return snapshot.policies.get('telemetry') as SignedPolicy;
}

function withPolicy(configuration: Configuration, change: Partial<SignedPolicy>): Configuration {
  const policies = new Map([['telemetry', { ...telemetryOf(configuration), ...change }]]);
  return { ...configuration, snapshot: { ...configuration.snapshot, policies } };
}

const live = (verifierFact: object): Partial<Facts> => ({
  verifier: {
    url: 'http://127.0.0.1:9902',
    ready: true,
    reasons: '',
    policies: undefined,
    configurationFile: undefined,
    refusedReload: undefined,
    ...verifierFact,
  },
});

const AGREEMENT: readonly Mutation[] = [
  mutation(
    'CSD801',
    'another policy',
    (bootstrap) => {
      route(bootstrap, 'first')['typed_per_filter_config']!['envoy.filters.http.ext_authz']![
        'check_settings'
      ]!['context_extensions'] = tree({ countersign_policy: 'unheard-of' });
    },
    { ...configured(), onlyWritten: true },
  ),
  mutation('CSD802', 'a policy for another path', nothing, {
    ...configured((configuration) =>
      withPolicy(configuration, { match: { ...telemetryOf(configuration).match, path: '/other' } }),
    ),
    onlyWritten: true,
  }),
  mutation(
    'CSD803',
    'signed answers without a signer',
    (bootstrap) => {
      const rest = items(manager(bootstrap)['http_filters']);
      manager(bootstrap)['http_filters'] = tree(
        rest.filter(({ name }) => (name as unknown) !== 'envoy.filters.http.ext_proc'),
      );
      const overrides = route(bootstrap, 'signed')['typed_per_filter_config'];
      if (overrides !== undefined) Reflect.deleteProperty(overrides, 'envoy.filters.http.ext_proc');
    },
    configured((configuration) => withPolicy(configuration, { answer: 'signed_feedback' })),
  ),
  mutation(
    'CSD217',
    'a small buffer',
    (bootstrap) => {
      GOOD_FRONT(bootstrap);
      route(bootstrap, 'first')['request_body_buffer_limit'] = tree(4096);
    },
    configured(),
  ),
  mutation(
    'CSD804',
    'a smaller limit',
    (bootstrap) => {
      filter(bootstrap, 'ext_authz')['with_request_body']!['max_request_bytes'] = tree(1000);
    },
    configured(),
  ),
  mutation(
    'CSD805',
    'another socket',
    verifier((config) => {
      config['load_assignment']!['endpoints']![0]!['lb_endpoints']![0]!['endpoint'] = tree({
        address: { pipe: { path: '/run/other/countersign.sock' } },
      });
    }),
    configured(),
  ),
  mutation(
    'CSD806',
    'a warning',
    nothing,
    configured((configuration) => ({
      ...configuration,
      warnings: [{ path: 'envoy.tls.certificateFile', message: 'ends in three days' }],
    })),
  ),
  mutation('CSD807', 'a verifier that waits', nothing, {
    known: { facts: live({ ready: false, reasons: 'nonce_store: gone' }) },
  }),
  mutation('CSD808', 'a verifier that refused a reload', nothing, {
    known: { facts: live({ refusedReload: 'policies[0].name is given twice' }) },
  }),
  mutation('CSD808', 'a verifier with others', nothing, {
    known: { ...configured().known, facts: live({ policies: ['old'] }) },
  }),
];

const GAPS: readonly Mutation[] = [
  mutation('CSD901', 'routes from elsewhere', (bootstrap) => {
    delete manager(bootstrap)['route_config'];
    manager(bootstrap)['rds'] = tree({
      route_config_name: 'elsewhere',
      config_source: {
        resource_api_version: 'V3',
        path_config_source: { path: '/etc/countersign/envoy/sds-server.yaml' },
      },
    });
  }),
];

/** What only an Envoy that runs says. */
const RUNNING: readonly Mutation[] = [
  mutation('CSD710', 'an old Envoy', nothing, { lines: ['1.36'], onlyRunning: true }),
  mutation(
    'CSD902',
    'a listener that Envoy refused',
    (bootstrap) => {
      bootstrap['dynamic_resources'] = tree({
        lds_config: {
          resource_api_version: 'V3',
          path_config_source: { path: '/etc/countersign/envoy/refused-listeners.yaml' },
        },
      });
    },
    { onlyRunning: true },
  ),
];

/** In the order of the rules. */
export const PROCESS_MUTATIONS: readonly Mutation[] = [
  ...TLS,
  ...CLUSTERS,
  ...AGREEMENT,
  ...GAPS,
  ...RUNNING,
];
