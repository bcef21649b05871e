/** Somebody's own Envoy with our fragments in it, put there as docs/your-own-envoy.md says, by the compiled command line. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';

type Json = Record<string, unknown>;

/** What a configuration says of the gateway that it is for. */
interface Facts {
  readonly envoy: {
    readonly listener: { readonly port: number };
    readonly admin: { readonly port: number };
    readonly upstream: { readonly port: number };
    readonly tls: { certificateFile: string; privateKeyFile: string; clientCaFile: string };
  };
}

/** Of the federation that this bootstrap of ours is for: its directory. */
export function directoryOf(bootstrap: string): string {
  const socket = /path: (\S+)\/verifier\.sock/.exec(bootstrap)?.[1];
  if (socket === undefined) throw new Error('the bootstrap has no socket of a verifier');
  return dirname(socket);
}

/** What `countersign envoy-config` prints for the configuration in a directory. */
export function envoyConfig(directory: string, ...options: string[]): string {
  const command = [
    'dist/src/main.js',
    'envoy-config',
    '--config',
    join(directory, 'countersign.yaml'),
    ...options,
  ];
  return execFileSync(process.execPath, command, { encoding: 'utf8' });
}

/** The bootstrap that somebody has, as text. */
export function ownBootstrapText(directory: string): string {
  return stringify(ownBootstrap(directory));
}

/** The bootstrap that somebody has, for the ports and certificates of this federation. */
function ownBootstrap(directory: string): Json {
  const { envoy } = parse(readFileSync(join(directory, 'countersign.yaml'), 'utf8')) as Facts;
  const values: Readonly<Record<string, string | number>> = {
    ADMIN_PORT: envoy.admin.port,
    LISTENER_PORT: envoy.listener.port,
    APPLICATION_PORT: envoy.upstream.port,
    CERTIFICATE_FILE: envoy.tls.certificateFile,
    KEY_FILE: envoy.tls.privateKeyFile,
    CA_FILE: envoy.tls.clientCaFile,
  };
  const text = readFileSync(join(import.meta.dirname, 'own-envoy.yaml'), 'utf8');
  return parse(text.replaceAll(/[A-Z]+(?:_[A-Z]+)+/g, (word) => String(values[word] ?? word))) as Json;
}

interface Whole {
  readonly static_resources: {
    readonly listeners: readonly {
      readonly filter_chains: readonly { readonly filters: readonly { readonly typed_config: Manager }[] }[];
    }[];
    readonly clusters: Json[];
  };
}
type Manager = Json & { http_filters: Json[] };

/** Step by step as the page has it. */
export function spliced(bootstrap: string): string {
  const directory = directoryOf(bootstrap);
  const printed = envoyConfig(directory, '--only', 'connection-manager,filters,routes,clusters,process');
  // The application has a cluster already, under its own name.
  const [manager, parts] = parseAllDocuments(printed.replaceAll('cluster: upstream', 'cluster: orders')).map(
    (document) => document.toJS() as Json,
  ) as [Manager, Whole & Json];
  const own = ownBootstrap(directory) as Whole & Json & { layered_runtime: { layers: Json[] } };
  const theirs = own.static_resources.listeners[0]!.filter_chains[0]!.filters[0]!.typed_config;
  const [router, ...others] = theirs.http_filters.toReversed();
  Object.assign(theirs, manager, {
    http_filters: [...others.toReversed(), ...manager.http_filters, router],
  });
  own.static_resources.clusters.push(
    ...parts.static_resources.clusters.filter(({ name }) => name !== 'upstream'),
  );
  own['overload_manager'] = parts['overload_manager'];
  own.layered_runtime.layers.push(...(parts['layered_runtime'] as typeof own.layered_runtime).layers);
  return stringify(own);
}

/** An Envoy that gets its listeners and clusters from files, as from a control plane; ours among them. */
export function fromFiles(bootstrap: string): string {
  const directory = directoryOf(bootstrap);
  const files = join(directory, 'run', 'sds');
  envoyConfig(directory, '--only', 'listener,clusters,secrets', '--xds', '--into', files);
  const { admin, node } = ownBootstrap(directory);
  const source = (name: string) => ({
    resource_api_version: 'V3',
    path_config_source: { path: join(files, name), watched_directory: { path: files } },
  });
  return stringify({
    node,
    admin,
    dynamic_resources: { lds_config: source('listener.yaml'), cds_config: source('clusters.yaml') },
    ...(parse(envoyConfig(directory, '--only', 'process')) as Json),
  });
}
