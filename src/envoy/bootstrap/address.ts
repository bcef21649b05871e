/** Addresses the way Envoy writes them (envoy.config.core.v3.Address). */
import type { Endpoint } from './options.js';
import type { Section } from './yaml-text.js';

/** A TCP endpoint to bind or to connect to. */
export function socketAddress({ address, port }: Endpoint): Section {
  return { socket_address: { address, port_value: port } };
}
