/** The two listeners: TLS for everything that is judged, plain HTTP for a health question. */
import { connectionLogs } from './access-logs.js';
import { answerBytes } from '../envoy/ext-proc/envoy-contract.js';
import { connectionManager, gateway } from './connection-manager.js';
import { ROUTER, tokenBucket } from './http-filters.js';
import { isSigned, type BootstrapOptions, type Listening } from './options.js';
import { doorAddress, DOOR_CLUSTER, downstreamTls } from './tls.js';
import { extension, note, socketAddress, type Section } from './yaml-text.js';

/** Envoy's default for buffers of a connection, and the least that a body of ours needs. */
const MEBIBYTE = 1_048_576;

/** The name of the listener that tells nothing but health. */
export const HEALTH_LISTENER = 'health';

/** The listeners of the bootstrap. */
export function listeners(options: BootstrapOptions): unknown[] {
  const { healthListener } = options;
  return [tlsListener(options), ...(healthListener === undefined ? [] : [health(healthListener)])];
}

function tlsListener(options: BootstrapOptions): Section {
  const { connectionsPerSecond } = options.flood;
  return {
    name: 'ingress',
    ...listeningOn(options.listener, options.healthListener === undefined ? [] : [doorAddress(options)]),
    per_connection_buffer_limit_bytes: bufferLimit(options),
    ...(connectionsPerSecond > 0 && { listener_filters: [connectionGuard(connectionsPerSecond)] }),
    filter_chains: [
      {
        transport_socket_connect_timeout: '5s',
        transport_socket: downstreamTls(options.tls),
        filters: [gateway(options)],
      },
    ],
    access_log: connectionLogs(),
  };
}

/**
 * The members of a listener that say where it listens, `besides` included; each address is a socket of its own. By its
 * own default Envoy would share the port with any other process that asks for it (docs/envoy-behaviour.md#23).
 */
function listeningOn({ address, port }: Listening, besides: readonly Section[] = []): Section {
  const [first = '', ...others] = [address].flat();
  const additional = [...others.map((other) => socketAddress({ address: other, port })), ...besides].map(
    (place) => ({ address: place }),
  );
  return {
    address: socketAddress({ address: first, port }),
    ...(additional.length > 0 && { additional_addresses: additional }),
    enable_reuse_port: note(
      'a second Envoy at this port ends, instead of getting half of the connections',
      false,
    ),
  };
}

/** It also holds the signed answer to a request that had no body. */
function bufferLimit(options: BootstrapOptions): number {
  const answer = options.routes.some(isSigned) ? answerBytes(options) : 0;
  return Math.max(MEBIBYTE, options.maxBodyBytes, answer);
}

/** Before TLS, where a connection is still cheap: over the rate it is closed. */
function connectionGuard(perSecond: number): Section {
  return extension(
    'envoy.filters.listener.local_ratelimit',
    'envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit',
    { stat_prefix: 'flood_connections', token_bucket: tokenBucket(perSecond) },
  );
}

/**
 * 200 while Envoy takes traffic, shows a certificate and the verifier serves, else 503, and 404 for all else: no route leads
 * anywhere from here. It stays reachable when the gateway's own connections are used up, and none of its own is kept long.
 */
function health(place: Listening): unknown {
  const only = (name: string, exact: string) => ({ name, string_match: { exact } });
  const filter = extension(
    'envoy.filters.http.health_check',
    'envoy.extensions.filters.http.health_check.v3.HealthCheck',
    {
      pass_through_mode: false,
      headers: [only(':method', 'GET'), only(':path', '/healthz')],
      cluster_min_healthy_percentages: { verifier: { value: 1 }, [DOOR_CLUSTER]: { value: 1 } },
    },
  );
  return note('Tells whether this gateway can serve, and nothing else.', {
    name: HEALTH_LISTENER,
    ...listeningOn(place),
    ignore_global_conn_limit: true,
    bypass_overload_manager: true,
    per_connection_buffer_limit_bytes: 32_768,
    filter_chains: [{ filters: [healthManager([NO_CLUSTER_NAME, filter, ROUTER])] }],
  });
}

/** The health filter adds the name of Envoy's own cluster to its answers, which is nobody's business. */
const NO_CLUSTER_NAME: Section = extension(
  'envoy.filters.http.header_mutation',
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
  { mutations: { response_mutations: [{ remove: 'x-envoy-upstream-healthchecked-cluster' }] } },
);

function healthManager(filters: readonly Section[]): Section {
  return connectionManager('health', {
    common_http_protocol_options: {
      idle_timeout: '15s',
      max_connection_duration: '60s',
      max_requests_per_connection: 100,
    },
    http2_protocol_options: { max_concurrent_streams: 10 },
    http_filters: filters,
    route_config: { name: 'nothing', virtual_hosts: [] },
  });
}
