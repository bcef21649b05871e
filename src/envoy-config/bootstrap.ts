/** The whole Envoy bootstrap, as a pure function of its options. */
import { socketAddress } from './address.js';
import { clusters } from './clusters.js';
import { listeners } from './listeners.js';
import type { BootstrapOptions } from './options.js';
import { overloadManager } from './overload.js';
import { layeredRuntime } from './runtime.js';
import { note, printYaml } from './yaml-text.js';

const HEADING = `Envoy in front of Countersign: mutual TLS, every request checked by the verifier, then the application.
Made by "countersign envoy-config"; runs on Envoy 1.36 and newer, use 1.39.2 or newer for its security fixes.`;

/**
 * Envoy's bootstrap (envoy.config.bootstrap.v3.Bootstrap) as YAML with comments. The options are taken as
 * valid; what Envoy alone can judge, `envoy --mode validate` does. The SDS files are rendered apart.
 */
export function renderBootstrap(options: BootstrapOptions): string {
  const { node, admin, overload } = options;
  return printYaml(HEADING, {
    node: note('SDS from files needs both names.', { id: node.id, cluster: node.cluster }),
    admin: note('It can stop Envoy and shows its whole configuration: keep it on loopback.', {
      address: socketAddress(admin),
      ignore_global_conn_limit: true,
    }),
    static_resources: { listeners: listeners(options), clusters: clusters(options) },
    overload_manager: overloadManager(overload),
    layered_runtime: note('A request that is reset at once never reaches the verifier.', layeredRuntime()),
  });
}
