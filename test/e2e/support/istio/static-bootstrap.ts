/**
 * What Istio makes of our manifests for the proxy of the gateway, as one file that an Envoy can be started with: istiod would
 * send the same listener, route and clusters. The rest, admin and health, is of the bootstrap of the federation that is tested.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

type Json = Record<string, unknown>;

/** By which of Envoy's filters the gateway asks. */
export type IstioVariant = 'ext-proc' | 'ext-authz';

/** As `test/cluster/istio.test.ts` has Istio make it. */
export const translatedFile = (variant: IstioVariant): string => join(import.meta.dirname, `${variant}.yaml`);

/** Where the manifests have the socket and the Service of the application. */
const SOCKET = '/run/countersign/verifier.sock';
const APPLICATION_ADDRESS = '10.1.1.1';

interface Translation {
  readonly listeners: readonly Json[];
  readonly routes: readonly (Json & { readonly name: string })[];
  readonly clusters: readonly (Json & { readonly name: string })[];
  readonly endpoints: readonly (Json & { readonly clusterName: string })[];
}

interface Own {
  readonly static_resources: { readonly listeners: Json[]; readonly clusters: (Json & { name: string })[] };
}

/** Of the federation, what takes the place of things of the cluster. */
interface Place {
  readonly port: number;
  readonly application: number;
  /** Of the files of SDS. */
  readonly sds: string;
}

/** For `patchBootstrap` of a federation. */
export const throughIstio =
  (variant: IstioVariant) =>
  (bootstrap: string): string => {
    const own = parse(bootstrap) as Own;
    const { listeners, clusters } = own.static_resources;
    const socket = found(/path: (\S+\/verifier\.sock)/, bootstrap);
    const translation = parse(
      readFileSync(translatedFile(variant), 'utf8').replaceAll(SOCKET, socket),
    ) as Translation;
    const ingress = listeners.find((each) => JSON.stringify(each).includes('DownstreamTlsContext'));
    const upstream = clusters.find(({ name }) => name === 'upstream');
    const place: Place = {
      port: Number(found(/"port_value":(\d+)/, JSON.stringify(ingress))),
      application: Number(found(/"port_value":(\d+)/, JSON.stringify(upstream))),
      sds: found(/path: (\S+)\/sds-server\.yaml/, bootstrap),
    };
    const theirs = staticClusters(translation, place);
    const replaced = new Set(['upstream', ...theirs.map(({ name }) => name)]);
    return stringify({
      ...own,
      static_resources: {
        listeners: [staticListener(translation, place), ...listeners.filter((each) => each !== ingress)],
        clusters: [...clusters.filter(({ name }) => !replaced.has(name)), ...theirs],
      },
    });
  };

function found(pattern: RegExp, text: string): string {
  const [, value] = pattern.exec(text) ?? [];
  if (value === undefined) throw new Error(`there is no ${pattern.source}`);
  return value;
}

interface Chain {
  readonly filters: { readonly typedConfig: Json & { httpFilters: { name: string }[] } }[];
  readonly transportSocket: { readonly typedConfig: { readonly commonTlsContext: Json } };
}

/** At its port, with its routes in it, and with the certificates of the federation in the place of the cluster's Secrets. */
function staticListener({ listeners, routes }: Translation, { port, sds }: Place): Json {
  const listener = structuredClone(listeners[0]) ?? {};
  listener['address'] = { socketAddress: { address: '127.0.0.1', portValue: port } };
  for (const { filters, transportSocket } of listener['filterChains'] as Chain[]) {
    for (const { typedConfig } of filters) {
      const { rds, httpFilters } = typedConfig;
      const { routeConfigName } = rds as { routeConfigName: string };
      delete typedConfig['rds'];
      Object.assign(typedConfig, {
        routeConfig: routes.find(({ name }) => name === routeConfigName),
        httpFilters: httpFilters.filter(isOfEnvoy),
      });
    }
    withCertificates(transportSocket.typedConfig.commonTlsContext, sds);
  }
  return listener;
}

/** Istio's own filters are not in Envoy itself: they say to other proxies of the mesh who this one is. */
const isOfEnvoy = ({ name }: { readonly name: string }): boolean => !name.startsWith('istio.');

function withCertificates(tls: Json, sds: string): void {
  const secret = (name: string, file: string) => ({
    name,
    sdsConfig: {
      resourceApiVersion: 'V3',
      pathConfigSource: { path: join(sds, file), watchedDirectory: { path: sds } },
    },
  });
  tls['tlsCertificateSdsSecretConfigs'] = [secret('countersign_server', 'sds-server.yaml')];
  const { combinedValidationContext } = tls as { combinedValidationContext: Json };
  combinedValidationContext['validationContextSdsSecretConfig'] = secret(
    'countersign_client_ca',
    'sds-client-ca.yaml',
  );
}

/** Of a cluster, what is Istio's own, or an address to be asked for: the federation's application has no mutual TLS of a mesh. */
const OF_THE_MESH: ReadonlySet<string> = new Set(['edsClusterConfig', 'filters', 'transportSocket']);

/** Their endpoints in them. */
function staticClusters({ clusters, endpoints }: Translation, { application }: Place) {
  return clusters.map((cluster) => {
    const assignment = endpoints.find(({ clusterName }) => clusterName === cluster.name);
    if (assignment === undefined) return cluster;
    const text = JSON.stringify(assignment).replaceAll(
      `"address":"${APPLICATION_ADDRESS}","portValue":80`,
      `"address":"127.0.0.1","portValue":${application}`,
    );
    const rest = Object.entries(cluster).filter(([member]) => !OF_THE_MESH.has(member));
    return {
      ...Object.fromEntries(rest),
      name: cluster.name,
      type: 'STATIC',
      loadAssignment: JSON.parse(text) as Json,
    };
  });
}
