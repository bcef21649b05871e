/** The HTTP connection manager: how bytes become requests, hardened for an edge that trusts no client. */
import { requestLogs } from './access-logs.js';
import { httpFilters } from './http-filters.js';
import { localReplies } from './local-replies.js';
import type { BootstrapOptions } from './options.js';
import { routeConfiguration } from './routes.js';
import { extension, note, type Section } from './yaml-text.js';

const TYPE = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** The network filter `name` with `config` on top of the hardening that every listener of ours shares. */
export function connectionManager(statPrefix: string, config: Section): Section {
  return extension('envoy.filters.network.http_connection_manager', TYPE, {
    stat_prefix: statPrefix,
    codec_type: 'AUTO',
    ...CLIENT_IS_A_STRANGER,
    ...ONE_READING_OF_A_PATH,
    ...TIME_LIMITS,
    ...config,
  });
}

/** The filter of the TLS listener. No `upgrade_configs`: an upgrade or a CONNECT is refused unchecked. */
export function gateway(options: BootstrapOptions): Section {
  return connectionManager('ingress', {
    common_http_protocol_options: COMMON_PROTOCOL_OPTIONS,
    http2_protocol_options: http2Options(options.maxBodyBytes),
    http_filters: httpFilters(options),
    route_config: routeConfiguration(options),
    local_reply_config: localReplies(options),
    access_log: requestLogs(options),
  });
}

/**
 * Loopback is no better than anywhere else: a client there may not steer Envoy by x-envoy-* either. An empty
 * list would mean Envoy's default, which takes loopback and private networks for internal (seen on 1.36 and
 * 1.40), so the list holds an address that nobody can connect from.
 */
const CLIENT_IS_A_STRANGER: Section = {
  use_remote_address: true,
  internal_address_config: note('Nobody is internal, so no client can set x-envoy-retry-on and the like.', {
    unix_sockets: false,
    cidr_ranges: [{ address_prefix: '255.255.255.255', prefix_len: 32 }],
  }),
  generate_request_id: true,
  preserve_external_request_id: false,
  forward_client_cert_details: 'SANITIZE',
  server_header_transformation: 'PASS_THROUGH',
};

/** Envoy, the verifier and the upstream must see one and the same path. */
const ONE_READING_OF_A_PATH: Section = {
  normalize_path: true,
  merge_slashes: true,
  path_with_escaped_slashes_action: 'REJECT_REQUEST',
};

/** Bodies are buffered before the check, so a slow sender holds memory: both are off by default in Envoy. */
const TIME_LIMITS: Section = {
  request_headers_timeout: '5s',
  request_timeout: '15s',
  stream_idle_timeout: '30s',
  max_request_headers_kb: 32,
};

const COMMON_PROTOCOL_OPTIONS: Section = {
  idle_timeout: '60s',
  max_connection_duration: note('a client proves its certificate anew at least once an hour', '3600s'),
  max_headers_count: 100,
  headers_with_underscores_action: 'REJECT_REQUEST',
  // After that many a connection is drained and closed.
  max_requests_per_connection: 100_000,
};

/** One stream may have a whole body under way, a connection four: what a client can make Envoy hold. */
function http2Options(maxBodyBytes: number): Section {
  const window = Math.max(65_535, maxBodyBytes);
  return {
    max_concurrent_streams: 100,
    initial_stream_window_size: window,
    initial_connection_window_size: Math.min(window * 4, 2_147_483_647),
  };
}
