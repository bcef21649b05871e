/** The access log: one JSON object a request, with the verifier's decision beside what Envoy saw. */
import { extension, note, type Section } from './yaml-text.js';

const LOGGERS = 'envoy.extensions.access_loggers';

const decision = (key: string) => `%DYNAMIC_METADATA(envoy.filters.http.ext_authz:${key})%`;

/** No header of the client is logged but its method and path, and of the path no query. */
const FIELDS: Section = {
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
};

/**
 * The `access_log` list of the connection manager; `path` is opened by Envoy for appending. `/dev/stdout` is
 * written by way of Envoy's own stream, since it cannot be opened where a supervisor made it a socket.
 */
export function accessLog(path: string): Section[] {
  const log_format = {
    json_format: note('decision_id, code and the rest of the decision come from the verifier.', FIELDS),
  };
  if (path === '/dev/stdout')
    return [extension('envoy.access_loggers.stdout', `${LOGGERS}.stream.v3.StdoutAccessLog`, { log_format })];
  return [extension('envoy.access_loggers.file', `${LOGGERS}.file.v3.FileAccessLog`, { path, log_format })];
}
