/** Envoy's overload manager: refuse early and in order, rather than be killed. */
import type { OverloadOptions } from './options.js';
import { extension, type Section } from './yaml-text.js';

const HEAP = 'envoy.resource_monitors.fixed_heap';
const CONNECTIONS = 'envoy.resource_monitors.global_downstream_max_connections';
const MONITORS = 'envoy.extensions.resource_monitors';

/** `overload_manager` of the bootstrap. */
export function overloadManager({ maxHeapBytes, maxConnections }: OverloadOptions): Section {
  return {
    refresh_interval: '0.25s',
    resource_monitors: [
      extension(HEAP, `${MONITORS}.fixed_heap.v3.FixedHeapConfig`, { max_heap_size_bytes: maxHeapBytes }),
      extension(CONNECTIONS, `${MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig`, {
        max_active_downstream_connections: maxConnections,
      }),
    ],
    actions: [
      atHeapShare('envoy.overload_actions.shrink_heap', 0.9),
      atHeapShare('envoy.overload_actions.stop_accepting_requests', 0.95),
      atHeapShare('envoy.overload_actions.stop_accepting_connections', 0.98),
    ],
  };
}

function atHeapShare(action: string, share: number): Section {
  return { name: action, triggers: [{ name: HEAP, threshold: { value: share } }] };
}
