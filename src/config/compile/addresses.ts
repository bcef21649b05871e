/** Addresses of the file: which are loopback, and where Envoy can listen, each once, on no port that somebody else has or that leads back to it. */
import { isIP } from 'node:net';
import { quoteText } from '../../json/escape-text.js';
import type { EnvoyInput } from '../schema/schema.js';
import type { AdminSettings, MetricsSettings } from '../settings.js';
import type { ConfigurationNode } from './context.js';

/** Whether an IP address or a host name is loopback. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** An IPv4 address in the form of an IPv6 one (RFC 4291, section 2.5.5.2), as `normal` spells it. */
const MAPPED = /^::ffff:[0-9a-f]+:[0-9a-f]+$/;
/** In the order in which a clash is told; the upstream is where Envoy connects. */
const ENDPOINTS = ['listener', 'health', 'admin', 'upstream'] as const;
type EndpointName = (typeof ENDPOINTS)[number];

/** The addresses of an `envoy` section. */
type EnvoyEndpoints = Readonly<Pick<EnvoyInput, EndpointName>>;

/** One address and port. */
interface Endpoint {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** The verifier's own ports, which nobody else can have. */
interface OwnPorts {
  readonly admin: AdminSettings;
  readonly metrics?: MetricsSettings | undefined;
}

/** Notes at `node`, the `metrics` section, that its port is the admin port. */
export function judgeMetricsPort(
  metrics: MetricsSettings,
  admin: AdminSettings,
  node: ConfigurationNode,
): void {
  const [one, other] = [ownEndpoint('metrics', metrics), ownEndpoint('admin', admin)];
  if (clash(one, other)) refuseClash(one, other, node);
}

/** Notes every fault at `node`, the `envoy` section. */
export function checkAddresses(
  input: EnvoyEndpoints,
  { admin, metrics }: OwnPorts,
  node: ConfigurationNode,
): void {
  const seen: Endpoint[] = [
    ownEndpoint('admin', admin),
    ...(metrics === undefined ? [] : [ownEndpoint('metrics', metrics)]),
  ];
  for (const key of ENDPOINTS) {
    const endpoints = endpointsOf(key, input);
    if (key !== 'upstream') for (const { address } of endpoints) refuseUnbindable(key, address, node);
    for (const one of endpoints) {
      const other = seen.find((earlier) => clash(earlier, one));
      if (other !== undefined) refuseClash(one, other, node.at(key));
      seen.push(one);
    }
  }
}

function ownEndpoint(name: string, { host, port }: AdminSettings | MetricsSettings): Endpoint {
  return { name, address: normal(host), port };
}

function endpointsOf(key: EndpointName, input: EnvoyEndpoints): Endpoint[] {
  const endpoint = input[key];
  if (endpoint === undefined) return [];
  return [endpoint.address]
    .flat()
    .map((address) => ({ name: `envoy.${key}`, address: normal(address), port: endpoint.port }));
}

/** IPv6 has many spellings of one address; names are compared as they stand. */
function normal(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

function refuseUnbindable(key: EndpointName, address: string, node: ConfigurationNode): void {
  const place = node.at(key, 'address');
  if (isIP(address) === 0)
    place.problem(
      `${quoteText(address)} is no IP address, and Envoy resolves no name to listen on: a name may mean another address tomorrow, or several`,
      key === 'admin'
        ? 'write an address, such as 127.0.0.1 or ::1'
        : "write addresses, such as ['127.0.0.1', '::1'] for localhost or ['0.0.0.0', '::'] for all",
    );
  else if (MAPPED.test(address))
    place.problem('is an IPv4 address inside an IPv6 one', 'write it as an IPv4 address');
}

function refuseClash(one: Endpoint, other: Endpoint, node: ConfigurationNode): void {
  if (other.name !== one.name)
    node.at('port').problem(`is also the port of ${other.name}`, 'give each a port of its own');
  else node.at('address').problem(`has ${quoteText(one.address)} twice or inside another`, 'name it once');
}

/** Whether one could not be bound beside the other, or would take what is meant for it. */
function clash(one: Endpoint, other: Endpoint): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  return one.address === other.address || covers(one, other) || covers(other, one);
}

/** The address that stands for all others of its family; a name may mean one of either, and an upstream may be elsewhere. */
function covers({ name, address }: Endpoint, other: Endpoint): boolean {
  if (!isWildcard(address)) return false;
  // Node's `::` takes IPv4 as well, Envoy's does not.
  if (address === '::' && !name.startsWith('envoy.')) return true;
  const family = isIP(other.address);
  if (other.name === 'envoy.upstream' && !isHere(other.address)) return false;
  return family === 0 || family === isIP(address);
}

function isHere(address: string): boolean {
  return isLoopback(address) || isWildcard(address);
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
