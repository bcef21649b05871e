/** The whole Envoy bootstrap, as a pure function of its options. */
import { clusters } from './clusters.js';
import { HEALTH_LISTENER, listeners } from './listeners.js';
import type { BootstrapOptions } from './options.js';
import { extension, note, printYaml, socketAddress, type Section } from './yaml-text.js';

const HEADING = `Envoy in front of Countersign: mutual TLS, every request checked by the verifier, then the application.
Made by "countersign envoy-config"; runs on Envoy 1.36 and newer, use 1.39.2 or newer for its security fixes.`;

/**
 * Envoy's bootstrap (envoy.config.bootstrap.v3.Bootstrap) as YAML with comments. The options are taken as
 * valid; what Envoy alone can judge, `envoy --mode validate` does. The SDS files are rendered apart.
 */
export function renderBootstrap(options: BootstrapOptions): string {
  const { admin } = options;
  return printYaml(HEADING, {
    node: note('SDS from files needs both names.', {
      id: 'countersign',
      cluster: 'countersign',
    }),
    admin: note('It can stop Envoy and shows its whole configuration: keep it on loopback.', {
      address: socketAddress(admin),
      ignore_global_conn_limit: true,
    }),
    static_resources: { listeners: listeners(options), clusters: clusters(options) },
    ...processSections('static'),
  });
}

/** What holds for the whole process of Envoy. A layer of the runtime needs a name that no other layer has. */
export function processSections(layerName: string): Section {
  return {
    overload_manager: overloadManager(),
    layered_runtime: note(
      'A request that is reset at once never reaches the verifier.',
      layeredRuntime(layerName),
    ),
  };
}

const HEAP = 'envoy.resource_monitors.fixed_heap';
const CONNECTIONS = 'envoy.resource_monitors.global_downstream_max_connections';
const MONITORS = 'envoy.extensions.resource_monitors';

/** Of the process. */
const MAX_HEAP_BYTES = 1_073_741_824;
/** Of the TLS listener; admin and health stay reachable. */
const MAX_CONNECTIONS = 10_000;

/** Envoy's overload manager: refuse early and in order, rather than be killed. */
function overloadManager(): Section {
  return {
    refresh_interval: '0.25s',
    resource_monitors: [
      extension(HEAP, `${MONITORS}.fixed_heap.v3.FixedHeapConfig`, { max_heap_size_bytes: MAX_HEAP_BYTES }),
      extension(CONNECTIONS, `${MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig`, {
        max_active_downstream_connections: MAX_CONNECTIONS,
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

/** Far more than probes and load balancers keep. */
const HEALTH_CONNECTIONS = 100;

/**
 * Runtime flags that have no place in the configuration proper. One request of a connection at a time: a request that is reset in the same read
 * was never passed on, so that HTTP/2 rapid resets (CVE-2023-44487) cost us no check, and other connections get their
 * turn. A connection that resets most of its requests is closed after so many; Envoy's own default is 500. The health
 * listener is outside the overload manager, so that it answers when the gateway is full: it has a bound of its own.
 */
function layeredRuntime(name: string): Section {
  const flags = {
    'http.max_requests_per_io_cycle': 1,
    [`envoy.resource_limits.listener.${HEALTH_LISTENER}.connection_limit`]: HEALTH_CONNECTIONS,
    'overload.premature_reset_total_stream_count': 200,
  };
  return { layers: [{ name, static_layer: flags }] };
}
