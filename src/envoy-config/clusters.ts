/**
 * Whom Envoy talks to: the verifier on its socket, the application on loopback; how its filters call the verifier, and
 * when they may ask another one instead.
 */
import { isIP } from 'node:net';
import { MAX_STREAMS } from '../grpc/server.js';
import { isSigned, type BootstrapOptions, type Endpoint } from './options.js';
import { door } from './tls.js';
import { duration, extension, note, socketAddress, type Section } from './yaml-text.js';

const PROTOCOL_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const MEBIBYTE = 1_048_576;

/** The verifier sheds load itself, with a reason; Envoy's default of 1,024 would cut in before it. */
const MAX_REQUESTS = 16_384;

/** Two further tries leave the dead one behind; a third would find nobody else in most places. */
const FURTHER_TRIES = 2;
/** A pause is random and at most this long, doubled at the second: the verifier's deadline hardly moves. */
const PAUSE_MILLISECONDS = 5;
const OTHER_HOST_ATTEMPTS = 5;

/**
 * By default it is the name of the cluster, and gateways and meshes have names with `/` and `|`, which are no host: nghttp2
 * resets such a call before any code of the verifier runs. So it is always said.
 */
const VERIFIER_AUTHORITY = 'countersign';

/** Where checks go, and where answers go to be signed: the same sockets, by connections of their own. */
export const VERIFIER_CLUSTER = 'verifier';
export const SIGNER_CLUSTER = 'signer';
/** Where the entries of the access log go: what became of allows, and everything else, by connections of their own. */
export const ACCESS_LOG_CLUSTER = 'access-log';
export const OTHER_ACCESS_LOG_CLUSTER = 'other-access-log';

/** The clusters of the bootstrap. */
export function clusters(options: BootstrapOptions): Section[] {
  const { verifierSocketPaths: paths, upstream, maxBodyBytes, healthListener, routes } = options;
  const own = healthListener === undefined ? [] : [door(options)];
  // On connections of their own: a check does not wait behind the bytes of somebody's answers.
  const signers =
    options.front === 'ext_authz' && routes.some(isSigned) ? [verifier(SIGNER_CLUSTER, paths)] : [];
  return [
    verifier(VERIFIER_CLUSTER, paths),
    ...signers,
    application(upstream, maxBodyBytes),
    accessLog(ACCESS_LOG_CLUSTER, paths),
    accessLog(OTHER_ACCESS_LOG_CLUSTER, paths),
    ...own,
  ];
}

function verifier(name: string, paths: readonly string[]): Section {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '0.25s',
    ...balancing(paths),
    typed_extension_protocol_options: protocol({
      explicit_http_config: { http2_protocol_options: TO_THE_VERIFIER },
    }),
    circuit_breakers: circuitBreakers(),
    health_checks: [HEALTH_CHECK],
    common_lb_config: {
      update_merge_window: note(
        'Told to the workers at once; merged updates would cost a second of 503s.',
        '0s',
      ),
      healthy_panic_threshold: note('An unhealthy verifier is never asked: 503 at once.', { value: 0 }),
    },
    load_assignment: loadAssignment(
      name,
      paths.map((path) => ({ pipe: { path } })),
    ),
  };
}

/**
 * One stream of each of Envoy's threads, on connections of its own. It is not asked for its health, as nothing waits for
 * it: a socket on which nobody listens fails at once, and the next entries go to the next.
 */
function accessLog(name: string, paths: readonly string[]): Section {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '0.25s',
    typed_extension_protocol_options: protocol({ explicit_http_config: { http2_protocol_options: {} } }),
    load_assignment: loadAssignment(
      name,
      paths.map((path) => ({ pipe: { path } })),
    ),
  };
}

/** `grpc_service` of the access logs. Without a time-out: their streams have no end. */
export function accessLogService(
  cluster: typeof ACCESS_LOG_CLUSTER | typeof OTHER_ACCESS_LOG_CLUSTER,
): Section {
  return { envoy_grpc: { cluster_name: cluster, authority: VERIFIER_AUTHORITY } };
}

/**
 * Of streams as many as the verifier takes, known before its SETTINGS are here: for more a connection is opened.
 * The resets of all clients go to the verifier over one connection, and Envoy would break it when 1,000 of them wait,
 * with everybody's checks on it. The limit is meant for peers that are strangers.
 */
const TO_THE_VERIFIER: Section = {
  max_concurrent_streams: MAX_STREAMS,
  max_outbound_control_frames: 100_000,
};

/** A worker that stands still gets no more than its share of what it has not answered. */
function balancing(paths: readonly string[]): Section {
  return paths.length > 1 ? { lb_policy: 'LEAST_REQUEST' } : {};
}

/**
 * NOT_SERVING counts at once, a late answer only the third time: a busy verifier must not be taken for a
 * dead one. Recovery is noticed within 0.2 s, also by an Envoy that was started first: until the verifier has had
 * traffic, the intervals are those of `no_traffic`. Listeners wait for the first answer.
 */
const HEALTH_CHECK: Section = {
  timeout: duration(1000),
  interval: duration(1000),
  no_traffic_interval: duration(200),
  no_traffic_healthy_interval: duration(1000),
  unhealthy_interval: duration(200),
  unhealthy_threshold: 3,
  healthy_threshold: 1,
  grpc_health_check: { authority: VERIFIER_AUTHORITY },
};

/**
 * Idle connections are dropped before a usual application server drops them (gunicorn 2 s, Node and uvicorn
 * 5 s): a request that crosses such a close is lost after its nonce is spent, and cannot be retried.
 */
function application(endpoint: Endpoint, maxBodyBytes: number): Section {
  return {
    name: 'upstream',
    ...discovery(endpoint),
    connect_timeout: '1s',
    per_connection_buffer_limit_bytes: Math.max(MEBIBYTE, maxBodyBytes),
    typed_extension_protocol_options: protocol({
      common_http_protocol_options: { idle_timeout: '1s' },
      explicit_http_config: { http_protocol_options: {} },
    }),
    circuit_breakers: circuitBreakers(),
    load_assignment: loadAssignment('upstream', [socketAddress(endpoint)]),
  };
}

function discovery({ address }: Endpoint): Section {
  if (isIP(address) !== 0) return { type: 'STATIC' };
  return { type: 'STRICT_DNS', dns_lookup_family: 'ALL' };
}

function protocol(config: Section): Section {
  return { [PROTOCOL_OPTIONS]: { '@type': `type.googleapis.com/${PROTOCOL_OPTIONS}`, ...config } };
}

/** `max_retries` bounds how many bodies wait for an upstream that is away; Envoy's default is 3. */
function circuitBreakers(): Section {
  const bounds = { max_connections: 1024, max_pending_requests: MAX_REQUESTS, max_requests: MAX_REQUESTS };
  return { thresholds: [{ ...bounds, max_retries: 256 }] };
}

function loadAssignment(name: string, addresses: readonly Section[]): Section {
  const lb_endpoints = addresses.map((address) => ({ endpoint: { address } }));
  return { cluster_name: name, endpoints: [{ lb_endpoints }] };
}

/** `grpc_service` of a filter whose calls go to the verifier by `cluster`, with the longest that one may take. */
export function verifierService(
  { verifierSocketPaths }: BootstrapOptions,
  cluster: typeof VERIFIER_CLUSTER | typeof SIGNER_CLUSTER,
  timeoutMilliseconds: number,
): Section {
  return {
    envoy_grpc: { cluster_name: cluster, authority: VERIFIER_AUTHORITY },
    timeout: duration(timeoutMilliseconds),
    ...(verifierSocketPaths.length > 1 && { retry_policy: askAnother(timeoutMilliseconds) }),
  };
}

/**
 * Only what no verifier has begun to judge: a second call would find its own nonce used. To a socket on which nobody
 * listens nothing was sent, and a stream that was refused was not read (RFC 9113, 8.7). A connection that breaks
 * with the call on it is neither. Envoy takes the longest pause for the time that one try may take, too (seen on
 * 1.36 and 1.40), so it is that of the call.
 */
function askAnother(timeoutMilliseconds: number): unknown {
  const policy = {
    retry_on: 'connect-failure,refused-stream',
    num_retries: FURTHER_TRIES,
    retry_back_off: {
      base_interval: duration(PAUSE_MILLISECONDS),
      max_interval: note('also the limit of each try', duration(timeoutMilliseconds)),
    },
    retry_host_predicate: [
      extension(
        'envoy.retry_host_predicates.previous_hosts',
        'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
        {},
      ),
    ],
    host_selection_retry_max_attempts: OTHER_HOST_ATTEMPTS,
  };
  return note('Another verifier is asked only where the first cannot have begun to judge.', policy);
}
