/** The clusters of an Envoy, and which of them lead to the verifier. Pure. */
import type { EnvoyParts } from '../read/dump.js';
import { ABSENT, type Message } from '../read/message.js';
import type { KnownVerifier } from './gap.js';

/** Where a cluster's endpoint is. */
export interface Endpoint {
  readonly where: string;
  /** A Unix socket. */
  readonly pipe: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
}

const LOOPBACK = /^(?:127\.(?:[0-9]{1,3}\.){2}[0-9]{1,3}|::1|localhost)$/;
/** By what our own files, packages and pages call them. */
const OUR_NAME = /countersign/i;
const RENDERED_NAMES: ReadonlySet<string> = new Set(['verifier', 'signer']);

/** Looks clusters up by name. */
export class Clusters {
  readonly #byName: ReadonlyMap<string, Message>;
  readonly #known: KnownVerifier;

  constructor({ clusters }: EnvoyParts, known: KnownVerifier) {
    this.#byName = new Map(clusters.map((cluster) => [cluster.text('name') ?? '', cluster]));
    this.#known = known;
  }

  /** The Cluster; absent where there is none of that name. */
  named(name: string): Message {
    return this.#byName.get(name) ?? ABSENT;
  }

  /** Where its endpoints are, as far as this document says: those of EDS and DNS come later. */
  endpoints(name: string): Endpoint[] {
    return this.named(name)
      .at('load_assignment')
      .list('endpoints')
      .flatMap((locality) => locality.list('lb_endpoints'))
      .map((entry) => endpointOf(entry.at('endpoint', 'address')));
  }

  /** Whether the service that a filter asks is ours: by its cluster, its sockets, or its authority. */
  leadsToVerifier(filter: Message): boolean {
    const service = filter.at('grpc_service');
    const name = clusterOf(service) ?? overHttp(filter);
    if (name === undefined) return OUR_NAME.test(service.at('google_grpc').text('target_uri') ?? '');
    const { clusterNames, sockets } = this.#known;
    if (clusterNames.length > 0) return clusterNames.includes(name);
    const pipes = this.endpoints(name).map(({ pipe }) => pipe ?? '');
    if (pipes.some((pipe) => sockets.includes(pipe) || OUR_NAME.test(pipe))) return true;
    return (
      OUR_NAME.test(name) ||
      RENDERED_NAMES.has(name) ||
      OUR_NAME.test(service.at('envoy_grpc').text('authority') ?? '')
    );
  }
}

/** The cluster that a filter asks over plain HTTP. */
function overHttp(filter: Message): string | undefined {
  const service = filter.at('http_service');
  return service.at('server_uri').text('cluster') ?? service.at('http_service', 'http_uri').text('cluster');
}

/** The cluster of a GrpcService; undefined where it names none, as `google_grpc` does. */
export function clusterOf(service: Message): string | undefined {
  return service.at('envoy_grpc').text('cluster_name');
}

/** Whether nobody beyond this machine can be there: a loopback address or a Unix socket. */
export function isLocal({ pipe, host }: Endpoint): boolean {
  return pipe !== undefined || (host !== undefined && LOOPBACK.test(host));
}

function endpointOf(address: Message): Endpoint {
  return {
    where: address.path,
    pipe: address.at('pipe').text('path'),
    host: address.at('socket_address').text('address'),
    port: address.at('socket_address').number('port_value'),
  };
}
