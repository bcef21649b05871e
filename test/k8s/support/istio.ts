/** The EnvoyFilters of `k8s/istio`, out of the same code as our own bootstrap: the parts of it as patches of what Istio makes. */
import { Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import type { FragmentKind } from '../../../src/envoy-config/fragments/kinds.js';
import { fragmentsOfOptions } from '../../../src/envoy-config/fragments/print.js';
import { DEFAULT_BOOTSTRAP_OPTIONS } from '../../../src/envoy-config/options.js';

type Front = 'ext_authz' | 'ext_proc';

/** One EnvoyFilter. */
export interface IstioFilter {
  readonly file: string;
  readonly heading: string;
  readonly front: Front;
  readonly context: 'GATEWAY' | 'SIDECAR_INBOUND';
  /** Who is patched. */
  readonly labels: Readonly<Record<string, string>>;
}

const GATEWAY = { istio: 'countersign' };

export const ISTIO_FILTERS: readonly IstioFilter[] = [
  {
    file: 'k8s/istio/ext-proc/envoy-filter.yaml',
    heading: 'ext_proc asks the verifier in the pod about requests, and signs answers.',
    front: 'ext_proc',
    context: 'GATEWAY',
    labels: GATEWAY,
  },
  {
    file: 'k8s/istio/ext-authz/envoy-filter.yaml',
    heading: "What Istio's extension provider cannot say of ext_authz, and the signer of answers behind it.",
    front: 'ext_authz',
    context: 'GATEWAY',
    labels: GATEWAY,
  },
  {
    file: 'k8s/istio/before-sidecar/application/envoy-filter.yaml',
    heading: "In the application's own sidecar, behind a gateway that hands on the hash of the certificate.",
    front: 'ext_proc',
    context: 'SIDECAR_INBOUND',
    labels: { 'countersign.example/judged': 'true' },
  },
];

const MANAGER = 'envoy.filters.network.http_connection_manager';
const EXTENSIONS = 'type.googleapis.com/envoy.extensions.filters';
const NAMES = {
  check: 'envoy.filters.http.ext_authz',
  process: 'envoy.filters.http.ext_proc',
  guard: 'envoy.filters.http.lua',
  decided: 'envoy.filters.http.rbac',
  router: 'envoy.filters.http.router',
} as const;

/** Its text, with what its lines are for. */
export function istioFilterText(filter: IstioFilter): string {
  const { heading, labels, front } = filter;
  const document = new Document({
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'countersign' },
    spec: { workloadSelector: { labels }, priority: 10, configPatches: [] as unknown[] },
  });
  document.commentBefore = ` ${heading}\n Written by UPDATE=1 npm run -s jest -- test/k8s/istio, out of the code that renders our own bootstrap.`;
  const patches = document.getIn(['spec', 'configPatches']) as YAMLSeq;
  const add = (patch: unknown): void => patches.add(document.createNode(patch));
  for (const cluster of clustersFor(front)) add(ofCluster(filter, cluster));
  add(ofListener(filter));
  if (filter.context === 'GATEWAY') add(ofHandshake(filter));
  add(ofManager(filter));
  add(withoutUpgrades(filter));
  if (front === 'ext_authz') {
    add(ofCheck(filter));
    add(ofProvider(filter));
  }
  if (filter.context === 'GATEWAY') add(ofSignedRoutes(filter));
  for (const each of insertedFilters(filter))
    add(insertBefore(filter, front === 'ext_authz' && isFloodGuard(each) ? NAMES.check : NAMES.router, each));
  return document.toString({ lineWidth: 0, singleQuote: true });
}

/** One of our fragments, its comments in it. */
function fragment(front: Front, kind: FragmentKind, ...besides: FragmentKind[]): Document {
  const texts = fragmentsOfOptions({ ...DEFAULT_BOOTSTRAP_OPTIONS, front }, new Set([kind, ...besides]), {
    as: 'parts',
    documents: 'each',
  });
  return parseDocument(texts.find(({ name }) => name === `${kind}.yaml`)?.text ?? '');
}

const listIn = (document: Document, ...path: string[]): YAMLMap[] => {
  const list: unknown = document.getIn(path);
  if (!isSeq(list)) throw new Error(`no list at ${path.join('.')}`);
  return list.items.filter((item) => isMap(item));
};

/** With ext_authz the verifier's own is that of the ServiceEntry. The application's is Istio's affair. */
function clustersFor(front: Front): YAMLMap[] {
  const all = listIn(
    fragment(front, 'clusters', 'filters', 'connection-manager'),
    'static_resources',
    'clusters',
  );
  return all.filter((cluster) => front === 'ext_proc' || cluster.get('name') !== 'verifier');
}

const ofCluster = ({ context }: IstioFilter, value: YAMLMap): object => ({
  applyTo: 'CLUSTER',
  match: { context },
  patch: { operation: 'ADD', value },
});

/** Bodies are held whole, and so is an answer that is signed. */
function ofListener({ context }: IstioFilter): object {
  const [listener] = listIn(fragment('ext_proc', 'listener'), 'static_resources', 'listeners');
  const value = { per_connection_buffer_limit_bytes: listener?.get('per_connection_buffer_limit_bytes') };
  return { applyTo: 'LISTENER', match: { context }, patch: { operation: 'MERGE', value } };
}

/** A session that is resumed would outlive the removal of its CA. Our gateway has servers with TLS alone. */
function ofHandshake({ context }: IstioFilter): object {
  const name = 'envoy.transport_sockets.tls';
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
  const members = { disable_stateless_session_resumption: true, disable_stateful_session_resumption: true };
  const value = { transport_socket: { name, typed_config: { '@type': type, ...members } } };
  return { applyTo: 'FILTER_CHAIN', match: { context }, patch: { operation: 'MERGE', value } };
}

/** Istio allows them, and no merge takes that away: so each route that leads somewhere says no. */
const withoutUpgrades = ({ context }: IstioFilter): object => ({
  applyTo: 'HTTP_ROUTE',
  match: { context, routeConfiguration: { vhost: { route: { action: 'ROUTE' } } } },
  patch: {
    operation: 'MERGE',
    value: { route: { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] } },
  },
});

/** Answers of these are signed, and no success passes that is not. */
function ofSignedRoutes({ front, context }: IstioFilter): object {
  const routes = fragment(front, 'routes');
  const [host] = listIn(routes, 'route_config', 'virtual_hosts');
  const signed = (host?.get('routes') as YAMLSeq<YAMLMap>).items.find((route) =>
    route.hasIn(['typed_per_filter_config', NAMES.guard]),
  );
  signed?.delete('match');
  signed?.delete('route');
  // Which policy: that of the path and method.
  signed?.deleteIn(['typed_per_filter_config', NAMES.check]);
  return {
    applyTo: 'HTTP_ROUTE',
    match: { context, routeConfiguration: { vhost: { route: { name: 'countersign-signed' } } } },
    patch: { operation: 'MERGE', value: signed },
  };
}

/** A verifier that cannot judge is not asked. */
function ofProvider({ context }: IstioFilter): object {
  const [verifier] = clustersFor('ext_proc');
  return {
    applyTo: 'CLUSTER',
    match: { context, cluster: { service: 'verifier.countersign.internal' } },
    patch: { operation: 'MERGE', value: { health_checks: verifier?.get('health_checks') } },
  };
}

/**
 * A merge sets no zero value, so those members would say what does not come about. The log's name is not ours: that one
 * vouches for retries, which are Istio's here.
 */
function ofManager({ front, context }: IstioFilter): object {
  const members = fragment(front, 'connection-manager');
  for (const zero of ['preserve_external_request_id', 'forward_client_cert_details']) members.delete(zero);
  for (const log of listIn(members, 'access_log')) {
    const path = ['typed_config', 'common_config', 'log_name'];
    if (log.getIn(path) === 'countersign-requests-v1') log.setIn(path, 'countersign-gateway');
  }
  const inner = members.contents as YAMLMap;
  inner.items.unshift(
    members.createPair('@type', `${EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager`),
  );
  return {
    applyTo: 'NETWORK_FILTER',
    match: { context, listener: { filterChain: { filter: { name: MANAGER } } } },
    patch: { operation: 'MERGE', value: { name: MANAGER, typed_config: inner } },
  };
}

/** Into the ext_authz that Istio makes of the CUSTOM policy. */
function ofCheck({ context }: IstioFilter): object {
  const check = filtersOf('ext_authz').find((each) => each.get('name') === NAMES.check);
  const set = (name: string): [string, unknown] => [name, check?.getIn(['typed_config', name])];
  const names = [
    'include_peer_certificate',
    'include_tls_session',
    'encode_raw_headers',
    'validate_mutations',
  ];
  return {
    applyTo: 'HTTP_FILTER',
    match: {
      context,
      listener: { filterChain: { filter: { name: MANAGER, subFilter: { name: NAMES.check } } } },
    },
    patch: {
      operation: 'MERGE',
      value: {
        name: NAMES.check,
        typed_config: {
          '@type': `${EXTENSIONS}.http.ext_authz.v3.ExtAuthz`,
          ...Object.fromEntries(names.map(set)),
          // What Istio's policy does not match is refused, and not let through unasked.
          deny_at_disable: { default_value: true },
        },
      },
    },
  };
}

const filtersOf = (front: Front): YAMLMap[] => listIn(fragment(front, 'filters'), 'http_filters');

/**
 * Without the check that Istio makes itself. Routes of a sidecar have no names, so there all answers pass the signer, and
 * nothing tells which of them the guard may stop.
 */
function insertedFilters({ front, context }: IstioFilter): YAMLMap[] {
  const isLeftOut = (name: unknown): boolean =>
    name === NAMES.check || (context === 'SIDECAR_INBOUND' && name === NAMES.guard);
  const own = filtersOf(front).filter((each) => !isLeftOut(each.get('name')));
  const [processor] = own.filter((each) => each.get('name') === NAMES.process);
  if (context === 'SIDECAR_INBOUND') {
    processor?.setIn(['typed_config', 'processing_mode', 'response_header_mode'], 'SEND');
    processor?.setIn(['typed_config', 'processing_mode', 'response_body_mode'], 'BUFFERED');
  }
  // There the handshake is with the gateway, and the certificate is what the gateway says.
  if (context === 'SIDECAR_INBOUND') processor?.deleteIn(['typed_config', 'request_attributes']);
  if (front === 'ext_proc') return own;
  const decided = filtersOf('ext_proc').filter((each) => each.get('name') === NAMES.decided);
  for (const each of decided) decideBy(each, NAMES.check);
  return [...decided, ...own];
}

/** The decision is looked for in that namespace. */
function decideBy(decided: YAMLMap, namespace: string): void {
  const path = ['typed_config', 'rules', 'policies', 'decided', 'permissions'];
  for (const permission of (decided.getIn(path) as YAMLSeq<YAMLMap>).items)
    permission.setIn(['sourced_metadata', 'metadata_matcher', 'filter'], namespace);
}

/** It has to be asked before the verifier is. */
const isFloodGuard = (filter: YAMLMap): boolean => String(filter.get('name')).includes('local_ratelimit');

/** Each directly before that one, so that they stand in the order in which they are inserted. */
const insertBefore = ({ context }: IstioFilter, subFilter: string, value: YAMLMap): object => ({
  applyTo: 'HTTP_FILTER',
  match: {
    context,
    listener: { filterChain: { filter: { name: MANAGER, subFilter: { name: subFilter } } } },
  },
  patch: { operation: 'INSERT_BEFORE', value },
});
