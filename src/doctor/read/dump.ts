/**
 * What a document says about an Envoy, whichever of its forms it has: a `config_dump` of the admin endpoint (bare, or wrapped
 * as `egctl x translate` prints it), a bootstrap, or a file of xDS resources. Hostile input: unknown parts are named, never trusted.
 */
import { Message } from './message.js';

/** A listener and how far Envoy is with it: only `active` ones take connections. */
export interface FoundListener {
  readonly message: Message;
  readonly state: 'active' | 'warming' | 'draining';
}

/** The parts of one Envoy. */
export interface EnvoyParts {
  readonly form: 'config_dump' | 'bootstrap' | 'resources';
  readonly bootstrap: Message | undefined;
  readonly listeners: readonly FoundListener[];
  readonly clusters: readonly Message[];
  readonly routeTables: readonly Message[];
  readonly secrets: readonly Message[];
  /** Filters that came by ECDS: TypedExtensionConfig. */
  readonly extensions: readonly Message[];
  /** Updates that this Envoy refused, with its reason: what runs is not what was sent. */
  readonly refusedUpdates: readonly { readonly path: string; readonly reason: string }[];
}

/** Why a document cannot be judged at all. */
export interface DumpFault {
  readonly message: string;
  readonly remedy: string;
}

/** The same while it is filled. */
interface Parts {
  bootstrap: Message | undefined;
  readonly listeners: FoundListener[];
  readonly clusters: Message[];
  readonly routeTables: Message[];
  readonly secrets: Message[];
  readonly extensions: Message[];
  readonly refusedUpdates: { readonly path: string; readonly reason: string }[];
}

function noParts(): Parts {
  return {
    bootstrap: undefined,
    listeners: [],
    clusters: [],
    routeTables: [],
    secrets: [],
    extensions: [],
    refusedUpdates: [],
  };
}

/** Reads a parsed document. */
export function partsOf(value: unknown): EnvoyParts | DumpFault {
  const parts = noParts();
  const root = new Message(value, '');
  const dump = dumpIn(root);
  if (dump !== undefined) {
    for (const section of dump.list('configs')) readSection(section, parts);
    return { form: 'config_dump', ...parts };
  }
  if (root.has('static_resources') || root.has('dynamic_resources')) {
    readBootstrap(root, parts);
    return { form: 'bootstrap', ...parts };
  }
  const resources = root.list('resources');
  for (const resource of resources) readResource(resource, parts);
  if (resources.length > 0) return { form: 'resources', ...parts };
  return {
    message: 'is neither a config_dump, nor a bootstrap, nor a list of xDS resources',
    remedy: "take GET /config_dump of Envoy's admin endpoint, or the bootstrap that Envoy is started with",
  };
}

/** `egctl x translate` has the dump under `xds`, by the name of the gateway. */
const MAX_WRAPPERS = 3;

function dumpIn(root: Message, depth = 0): Message | undefined {
  if (root.list('configs').length > 0) return root;
  if (depth === MAX_WRAPPERS) return undefined;
  for (const child of root.children()) {
    const found = child.isThere ? dumpIn(child, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

const SECTION_READERS: ReadonlyMap<string, (section: Message, parts: Parts) => void> = new Map([
  ['envoy.admin.v3.BootstrapConfigDump', readBootstrapDump],
  ['envoy.admin.v3.ListenersConfigDump', readListenersDump],
  ['envoy.admin.v3.ClustersConfigDump', readClustersDump],
  ['envoy.admin.v3.RoutesConfigDump', readRoutesDump],
  ['envoy.admin.v3.ScopedRoutesConfigDump', readScopedRoutesDump],
  ['envoy.admin.v3.SecretsConfigDump', readSecretsDump],
  ['envoy.admin.v3.EcdsConfigDump', readExtensionsDump],
]);

function readSection(section: Message, parts: Parts): void {
  SECTION_READERS.get(section.type)?.(section, parts);
}

/** The listeners and clusters of a dump's bootstrap are there again in sections of their own. */
function readBootstrapDump(section: Message, parts: Parts): void {
  parts.bootstrap = section.at('bootstrap');
}

function readBootstrap(bootstrap: Message, parts: Parts): void {
  parts.bootstrap = bootstrap;
  const own = bootstrap.at('static_resources');
  for (const message of own.list('listeners')) parts.listeners.push({ message, state: 'active' });
  parts.clusters.push(...own.list('clusters'));
  parts.secrets.push(...own.list('secrets'));
}

function readListenersDump(section: Message, parts: Parts): void {
  for (const entry of section.list('static_listeners'))
    parts.listeners.push({ message: renamed(entry.at('listener')), state: 'active' });
  for (const entry of section.list('dynamic_listeners')) {
    noteRefusal(entry, parts);
    for (const state of ['active', 'warming', 'draining'] as const) {
      const message = entry.at(`${state}_state`, 'listener');
      if (message.isThere) parts.listeners.push({ message: renamed(message), state });
    }
  }
}

function readClustersDump(section: Message, parts: Parts): void {
  for (const list of ['static_clusters', 'dynamic_active_clusters', 'dynamic_warming_clusters'])
    for (const entry of section.list(list)) {
      noteRefusal(entry, parts);
      if (entry.has('cluster')) parts.clusters.push(renamed(entry.at('cluster')));
    }
}

function readRoutesDump(section: Message, parts: Parts): void {
  for (const list of ['static_route_configs', 'dynamic_route_configs'])
    for (const entry of section.list(list)) {
      noteRefusal(entry, parts);
      if (entry.has('route_config')) parts.routeTables.push(renamed(entry.at('route_config')));
    }
}

/** The tables that scopes lead to have their own section; inline ones are here alone. */
function readScopedRoutesDump(section: Message, parts: Parts): void {
  for (const list of ['inline_scoped_route_configs', 'dynamic_scoped_route_configs'])
    for (const entry of section.list(list)) {
      noteRefusal(entry, parts);
      for (const scope of entry.list('scoped_route_configs'))
        if (scope.at('route_configuration').isThere) parts.routeTables.push(scope.at('route_configuration'));
    }
}

function readSecretsDump(section: Message, parts: Parts): void {
  for (const list of ['static_secrets', 'dynamic_active_secrets', 'dynamic_warming_secrets'])
    for (const entry of section.list(list)) {
      noteRefusal(entry, parts);
      if (entry.has('secret')) parts.secrets.push(renamed(entry.at('secret')));
    }
}

function readExtensionsDump(section: Message, parts: Parts): void {
  for (const entry of section.list('ecds_filters')) {
    noteRefusal(entry, parts);
    parts.extensions.push(entry.at('ecds_filter'));
  }
}

function noteRefusal(entry: Message, parts: Parts): void {
  const reason = entry.at('error_state').text('details');
  if (reason !== undefined && reason !== '') parts.refusedUpdates.push({ path: entry.path, reason });
}

const RESOURCE_KINDS: ReadonlyMap<string, (resource: Message, parts: Parts) => void> = new Map([
  [
    'envoy.config.listener.v3.Listener',
    (message, parts) => parts.listeners.push({ message, state: 'active' }),
  ],
  ['envoy.config.cluster.v3.Cluster', (message, parts) => parts.clusters.push(message)],
  ['envoy.config.route.v3.RouteConfiguration', (message, parts) => parts.routeTables.push(message)],
  ['envoy.extensions.transport_sockets.tls.v3.Secret', (message, parts) => parts.secrets.push(message)],
  ['envoy.config.core.v3.TypedExtensionConfig', (message, parts) => parts.extensions.push(message)],
]);

function readResource(resource: Message, parts: Parts): void {
  RESOURCE_KINDS.get(resource.type)?.(resource, parts);
}

/** How a finding calls it: `listener[ingress]`, and not by its place among the sections of a dump. */
function renamed(message: Message): Message {
  const kind = message.path.slice(message.path.lastIndexOf('.') + 1);
  return new Message(message.value, `${kind}[${message.text('name') ?? ''}]`);
}
