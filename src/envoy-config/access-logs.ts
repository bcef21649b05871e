/**
 * Envoy's access logs: a line for each request where the operator wants it, and the entries that the verifier gets, of
 * requests and of connections, by which it knows what was delivered and what never reached it.
 */
import { CONNECTION_LOG, OTHER_REQUEST_LOG, REQUEST_LOG } from '../envoy/access-log/delivery.js';
import { ACCESS_LOG_CLUSTER, accessLogService, OTHER_ACCESS_LOG_CLUSTER } from './clusters.js';
import { decisionNamespace, type BootstrapOptions } from './options.js';
import { duration, extension, note, type Section } from './yaml-text.js';

const LOGGERS = 'envoy.extensions.access_loggers';

/** No header of the client is logged but its method and path, and of the path no query. */
const fields = (decision: (key: string) => string): Section => ({
  time: '%START_TIME%',
  request_id: '%REQ(X-REQUEST-ID)%',
  decision_id: decision('decision_id'),
  code: decision('code'),
  identity: decision('identity'),
  tenant: decision('tenant'),
  policy: decision('policy'),
  method: '%REQ(:METHOD)%',
  path: '%PATH(NQ)%',
  protocol: '%PROTOCOL%',
  status: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  flags: '%RESPONSE_FLAGS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration_ms: '%DURATION%',
  upstream_attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  upstream_failure: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  peer_certificate_sha256: '%DOWNSTREAM_PEER_FINGERPRINT_256%',
  peer_address: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
});

/**
 * The access log: one JSON object a request, with the verifier's decision beside what Envoy saw. `path` is opened by Envoy for appending. `/dev/stdout` is
 * written by way of Envoy's own stream, since it cannot be opened where a supervisor made it a socket.
 */
function ownLog(path: string, namespace: string): Section {
  const decided = fields((key) => `%DYNAMIC_METADATA(${namespace}:${key})%`);
  const log_format = {
    json_format: note('decision_id, code and the rest of the decision come from the verifier.', decided),
  };
  if (path === '/dev/stdout')
    return extension('envoy.access_loggers.stdout', `${LOGGERS}.stream.v3.StdoutAccessLog`, { log_format });
  return extension('envoy.access_loggers.file', `${LOGGERS}.file.v3.FileAccessLog`, { path, log_format });
}

/** A copy of an allowed request waits at the verifier for this, and what is buffered is lost with Envoy. */
const FLUSH_MILLISECONDS = 20;
/** Of each of Envoy's threads: what is kept while the verifier cannot take it. Full, it is sent at once, or dropped. */
const BUFFER_BYTES = 65_536;

/** Of requests, in this order. None of the logs delays or fails a request. */
export function requestLogs(options: Pick<BootstrapOptions, 'accessLogPath' | 'front'>): unknown[] {
  const namespace = decisionNamespace(options);
  return [
    ownLog(options.accessLogPath, namespace),
    note(
      'What became of each allow, for the verifier. By its log_name it knows that nothing which was sent is sent again.',
      toVerifier(REQUEST_LOG, decidedAs('allow', namespace, false)),
    ),
    note(
      'What passed without a signature or ended here, apart: a flood of it must not displace what became of allows.',
      toVerifier(OTHER_REQUEST_LOG, decidedAs('pass_through', namespace, true)),
    ),
  ];
}

function toVerifier(logName: string, filter: Section): Section {
  return {
    filter,
    ...extension('envoy.access_loggers.http_grpc', `${LOGGERS}.grpc.v3.HttpGrpcAccessLogConfig`, {
      common_config: stream(logName),
    }),
  };
}

/** Requests with this code of the verifier, or also those on which it did not decide. Its refusals it knows. */
function decidedAs(code: string, namespace: string, orUndecided: boolean): Section {
  const matcher = {
    filter: namespace,
    path: [{ key: 'code' }],
    value: { string_match: { exact: code } },
  };
  return { metadata_filter: { matcher, match_if_key_not_found: orUndecided } };
}

/**
 * Of connections: those that never became one of TLS, and for which there is a reason. One that a client opens and closes
 * without a word has none.
 */
export function connectionLogs(): unknown[] {
  const failed = extension(
    'envoy.access_loggers.extension_filters.cel',
    'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
    { expression: "connection.transport_failure_reason != '' || connection.termination_details != ''" },
  );
  const log = {
    filter: { extension_filter: failed },
    ...extension('envoy.access_loggers.tcp_grpc', `${LOGGERS}.grpc.v3.TcpGrpcAccessLogConfig`, {
      common_config: stream(CONNECTION_LOG),
    }),
  };
  return [note('TLS handshakes that failed, and why.', log)];
}

function stream(log_name: string): Section {
  return {
    log_name,
    transport_api_version: 'V3',
    grpc_service: accessLogService(log_name === REQUEST_LOG ? ACCESS_LOG_CLUSTER : OTHER_ACCESS_LOG_CLUSTER),
    buffer_flush_interval: duration(FLUSH_MILLISECONDS),
    buffer_size_bytes: BUFFER_BYTES,
  };
}
