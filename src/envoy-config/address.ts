/** Addresses the way Envoy writes them (envoy.config.core.v3.Address). */
import type { Endpoint, Listening } from './options.js';
import type { Section } from './yaml-text.js';

/** A TCP endpoint to bind or to connect to. */
export function socketAddress({ address, port }: Endpoint): Section {
  return { socket_address: { address, port_value: port } };
}

/** The members of a listener that say where it listens, `besides` included; each address is a socket of its own. */
export function listeningOn({ address, port }: Listening, besides: readonly Section[] = []): Section {
  const [first = '', ...others] = [address].flat();
  const additional = [...others.map((other) => socketAddress({ address: other, port })), ...besides].map(
    (place) => ({ address: place }),
  );
  return {
    address: socketAddress({ address: first, port }),
    ...(additional.length > 0 && { additional_addresses: additional }),
  };
}
