/**
 * Whether the TLS listener has a certificate to show. Envoy opens its port without one when the SDS files cannot be
 * loaded, and then ends every handshake; no filter can ask for that. So Envoy shakes hands with itself: TLS 1.3 is
 * done for a client once the server has shown its certificate, before it is asked for one of its own.
 */
import type { BootstrapOptions } from './options.js';
import { onlyTls13 } from './tls.js';
import { extension, note, type Section } from './yaml-text.js';

/** The cluster that is healthy once a handshake has been. */
export const DOOR_CLUSTER = 'door';

/**
 * Another address of the TLS listener itself: a listener of its own would have its own copy of the secrets, and an
 * update that fails for one leaves the other as it was (Envoy issue 42438). Abstract, so no folder has to be
 * writable; named by the admin address, which two Envoys cannot have at once either.
 */
export function doorAddress({ admin }: Pick<BootstrapOptions, 'admin'>): Section {
  return { pipe: { path: `@countersign-door-${admin.address}-${admin.port}` } };
}

/** The door stays open once it was: Envoy keeps the certificate that it has, so no later failure counts. */
const ONCE = 4_294_967_295;

/** The cluster that knocks. It never has traffic, so that the intervals are those without. */
export function door(options: Pick<BootstrapOptions, 'admin'>): Section {
  return {
    name: DOOR_CLUSTER,
    type: 'STATIC',
    connect_timeout: '1s',
    transport_socket: extension(
      'envoy.transport_sockets.tls',
      'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      { common_tls_context: note('It asks whether there is a certificate, and not which.', onlyTls13()) },
    ),
    health_checks: [
      {
        timeout: '1s',
        interval: '0.2s',
        no_traffic_interval: '0.2s',
        no_traffic_healthy_interval: '3600s',
        unhealthy_threshold: note('a flood must not close what is open', ONCE),
        healthy_threshold: 1,
        tcp_health_check: {},
      },
    ],
    load_assignment: {
      cluster_name: DOOR_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: doorAddress(options) } }] }],
    },
  };
}
