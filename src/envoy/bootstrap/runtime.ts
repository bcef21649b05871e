/** Runtime flags of Envoy that have no place in its configuration proper. */
import type { Section } from './yaml-text.js';

/**
 * `layered_runtime` of the bootstrap. One request of a connection at a time: a request that is reset in the same read
 * was never passed on, so that HTTP/2 rapid resets (CVE-2023-44487) cost us no check, and other connections get their
 * turn. A connection that resets most of its requests is closed after so many; Envoy's own default is 500.
 */
export function layeredRuntime(): Section {
  const flags = {
    'http.max_requests_per_io_cycle': 1,
    'overload.premature_reset_total_stream_count': 200,
  };
  return { layers: [{ name: 'static', static_layer: flags }] };
}
