/** Runtime flags of Envoy that have no place in its configuration proper. */
import type { Section } from './yaml-text.js';

/** The name of the listener that tells nothing but health. */
export const HEALTH_LISTENER = 'health';
/** Far more than probes and load balancers keep. */
const HEALTH_CONNECTIONS = 100;

/**
 * `layered_runtime` of the bootstrap. One request of a connection at a time: a request that is reset in the same read
 * was never passed on, so that HTTP/2 rapid resets (CVE-2023-44487) cost us no check, and other connections get their
 * turn. A connection that resets most of its requests is closed after so many; Envoy's own default is 500. The health
 * listener is outside the overload manager, so that it answers when the gateway is full: it has a bound of its own.
 */
export function layeredRuntime(): Section {
  const flags = {
    'http.max_requests_per_io_cycle': 1,
    [`envoy.resource_limits.listener.${HEALTH_LISTENER}.connection_limit`]: HEALTH_CONNECTIONS,
    'overload.premature_reset_total_stream_count': 200,
  };
  return { layers: [{ name: 'static', static_layer: flags }] };
}
