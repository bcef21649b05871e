/**
 * What Envoy Gateway makes of our manifests, as one file that an Envoy can be started with: its control plane would send the
 * same listener, route and clusters. The rest, admin and health, is of the bootstrap of the federation that is tested.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

type Json = Record<string, unknown>;

/** As `egctl x translate --to xds` prints it, and as `test/cluster/envoy-gateway.test.ts` makes it. */
export const TRANSLATED_FILE = join(import.meta.dirname, 'translated.yaml');

/** Where the manifests have the Service of the application and the listener. */
const APPLICATION_ADDRESS = '10.1.1.1';

interface Dumped {
  readonly dynamicEndpointConfigs: readonly { readonly endpointConfig: Json & { clusterName: string } }[];
  readonly dynamicActiveClusters: readonly { readonly cluster: Json & { name: string } }[];
  readonly dynamicListeners: readonly {
    readonly activeState: { readonly listener: Json & { name: string } };
  }[];
  readonly dynamicRouteConfigs: readonly { readonly routeConfig: Json & { name: string } }[];
}

/** For `patchBootstrap` of a federation. */
export function throughEnvoyGateway(bootstrap: string): string {
  const own = parse(bootstrap) as { static_resources: { listeners: Json[]; clusters: Json[] } };
  const { listeners, clusters } = own.static_resources;
  const [listener] = listeners.filter((each) => JSON.stringify(each).includes('DownstreamTlsContext'));
  if (listener === undefined) throw new Error('the bootstrap has no TLS listener');
  const port = Number(/"port_value":(\d+)/.exec(JSON.stringify(listener['address']))?.[1]);
  const application = Number(
    /"port_value":(\d+)/.exec(JSON.stringify(clusters.find(({ name }) => name === 'upstream')))?.[1],
  );
  const socket = /path: (\S+\/verifier\.sock)/.exec(bootstrap)?.[1] ?? '';
  const sds = /path: (\S+)\/sds-server\.yaml/.exec(bootstrap)?.[1] ?? '';
  const translated = parse(
    readFileSync(TRANSLATED_FILE, 'utf8').replaceAll('/run/countersign/verifier.sock', socket),
  ) as { xds: Json };
  const dump = dumpIn(translated.xds);
  return stringify({
    ...own,
    static_resources: {
      listeners: [gatewayListener(dump, port, sds), ...listeners.filter((each) => each !== listener)],
      clusters: [
        ...clusters.filter(({ name }) => name !== 'upstream'),
        ...gatewayClusters(dump, application),
      ],
    },
  });
}

/** Inside of a message of a known kind its kind is not said. */
function untyped(message: Json): Json {
  return Object.fromEntries(Object.entries(message).filter(([name]) => name !== '@type'));
}

function dumpIn(xds: Json): Dumped {
  const [{ configs }] = Object.values(xds) as [{ configs: Json[] }];
  return Object.assign({}, ...configs) as Dumped;
}

/** At its port, with its routes in it, and with the certificates of the federation in the place of the cluster's Secrets. */
function gatewayListener({ dynamicListeners, dynamicRouteConfigs }: Dumped, port: number, sds: string): Json {
  const states = dynamicListeners.map(({ activeState }) => activeState.listener);
  const found = states.find(({ name }) => name.endsWith('/https'));
  if (found === undefined) throw new Error('the translation has no listener');
  const listener = untyped(structuredClone(found));
  listener['address'] = { socketAddress: { address: '127.0.0.1', portValue: port } };
  const [chain] = listener['filterChains'] as [
    { filters: { typedConfig: Json }[]; transportSocket: { typedConfig: Json } },
  ];
  const [manager] = chain.filters;
  const { routeConfigName } = manager?.typedConfig['rds'] as { routeConfigName: string };
  delete manager?.typedConfig['rds'];
  Object.assign(manager?.typedConfig ?? {}, {
    routeConfig: untyped(
      dynamicRouteConfigs
        .map(({ routeConfig }) => routeConfig)
        .find(({ name }) => name === routeConfigName) ?? {},
    ),
  });
  Object.assign(chain.transportSocket.typedConfig['commonTlsContext'] as Json, {
    tlsCertificateSdsSecretConfigs: [
      { name: 'countersign_server', sdsConfig: sdsFile(sds, 'sds-server.yaml') },
    ],
    validationContextSdsSecretConfig: {
      name: 'countersign_client_ca',
      sdsConfig: sdsFile(sds, 'sds-client-ca.yaml'),
    },
  });
  return listener;
}

function sdsFile(directory: string, name: string): Json {
  return {
    resourceApiVersion: 'V3',
    pathConfigSource: { path: join(directory, name), watchedDirectory: { path: directory } },
  };
}

/** Their endpoints in them, those of the application at the port of the federation's. */
function gatewayClusters(
  { dynamicActiveClusters, dynamicEndpointConfigs }: Dumped,
  application: number,
): Json[] {
  const endpoints = new Map(
    dynamicEndpointConfigs.map(({ endpointConfig }) => [
      endpointConfig.clusterName,
      JSON.parse(
        JSON.stringify(untyped(endpointConfig)).replaceAll(
          `"address":"${APPLICATION_ADDRESS}","portValue":80`,
          `"address":"127.0.0.1","portValue":${application}`,
        ),
      ) as Json,
    ]),
  );
  return dynamicActiveClusters.map(({ cluster }) => {
    const { edsClusterConfig, type, ...rest } = untyped(cluster);
    if (type !== 'EDS') return untyped(cluster);
    const { serviceName = cluster.name } = edsClusterConfig as { serviceName?: string };
    const assignment = endpoints.get(serviceName);
    if (assignment === undefined) throw new Error(`the translation has no endpoints of ${serviceName}`);
    return { ...rest, type: 'STATIC', loadAssignment: { ...assignment, clusterName: cluster.name } };
  });
}
