/** An Envoy as the rules see it: listeners, their filter chains, HTTP filters and routes, in one shape whatever they were read from. Pure. */
import type { EnvoyParts, FoundListener } from '../read/dump.js';
import { ABSENT, Message } from '../read/message.js';
import type { Building } from './building.js';
import { Clusters } from './clusters.js';
import type { Gap, KnownVerifier } from './gap.js';
import { httpFiltersOf, type HttpFilter } from './filters.js';
import { routesOf, type Route } from './routes.js';
import { versionOf, type EnvoyVersion } from './version.js';

/** One HTTP connection manager with what a request meets in it. */
export interface Manager {
  readonly chain: FilterChain;
  readonly config: Message;
  /** In their order. */
  readonly filters: readonly HttpFilter[];
  readonly routes: readonly Route[];
  /** The tables that the routes are in. */
  readonly tables: readonly Message[];
}

/** What takes the connections of a listener that fit its match. */
export interface FilterChain {
  readonly listener: FoundListener;
  readonly message: Message;
  /** DownstreamTlsContext, of TLS over TCP or QUIC; absent: plain text. */
  readonly tls: Message;
  readonly isQuic: boolean;
  readonly managers: readonly Manager[];
  /** Network filters that end a connection in another way than HTTP, such as a TCP proxy. */
  readonly bypasses: readonly Message[];
}

/** Everything that the rules look at. */
export interface Envoy {
  readonly parts: EnvoyParts;
  readonly version: EnvoyVersion | undefined;
  readonly chains: readonly FilterChain[];
  readonly managers: readonly Manager[];
  /** Those with a filter of ours. */
  readonly guarded: readonly Manager[];
  readonly clusters: Clusters;
  readonly gaps: readonly Gap[];
}

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const QUIC = 'envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport';
const TLS = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
/** Network filters that only count, limit or look: a connection goes on to the next. */
const PASSING_FILTERS =
  /\.(?:connection_limit|local_ratelimit|ratelimit|rbac|sni_cluster|set_filter_state|ext_authz)\.v3\./;

/** Builds it. */
export function envoyOf(parts: EnvoyParts, known: KnownVerifier): Envoy {
  const gaps: Gap[] = [];
  const clusters = new Clusters(parts, known);
  const building: Building = { parts, clusters, gaps, routes: new Map() };
  const chains = parts.listeners.flatMap((listener) => chainsOf(listener, building));
  const managers = chains.flatMap((chain) => chain.managers);
  const guarded = managers.filter(({ filters }) => filters.some(({ role }) => role !== undefined));
  return { parts, version: versionOf(parts.bootstrap), chains, managers, guarded, clusters, gaps };
}

function chainsOf(listener: FoundListener, building: Building): FilterChain[] {
  const last = listener.message.at('default_filter_chain');
  const messages = [...listener.message.list('filter_chains'), ...(last.isThere ? [last] : [])];
  return messages.map((message) => chainOf(listener, message, building));
}

function chainOf(listener: FoundListener, message: Message, building: Building): FilterChain {
  const managers: Manager[] = [];
  const bypasses: Message[] = [];
  const { tls, isQuic } = downstreamTls(message, building.gaps);
  const chain: FilterChain = { listener, message, tls, isQuic, managers, bypasses };
  for (const filter of message.list('filters')) {
    const typed = filter.at('typed_config');
    if (typed.type === MANAGER) managers.push(managerOf(chain, typed.typed, building));
    else if (!PASSING_FILTERS.test(typed.type)) bypasses.push(filter);
  }
  return chain;
}

function managerOf(chain: FilterChain, config: Message, building: Building): Manager {
  const filters = httpFiltersOf(config.list('http_filters'), building);
  const tables = tablesOf(config, building);
  const routes = tables.flatMap((table) => knownRoutes(table, building));
  return { chain, config, filters, routes, tables };
}

function knownRoutes(table: Message, { routes, gaps }: Building): readonly Route[] {
  const known = routes.get(table) ?? routesOf(table, gaps);
  routes.set(table, known);
  return known;
}

/** Inline, by RDS, or by scope, which can be any of the dump's. */
function tablesOf(config: Message, { parts, gaps }: Building): Message[] {
  if (config.at('route_config').isThere) return [config.at('route_config')];
  if (config.has('scoped_routes')) {
    gaps.push({ where: `${config.path}.scoped_routes`, what: 'scoped routes: every table is looked at' });
    return [...parts.routeTables];
  }
  const name = config.at('rds').text('route_config_name');
  const found = parts.routeTables.filter((table) => table.text('name') === name);
  if (found.length === 0)
    gaps.push({
      where: `${config.path}.rds`,
      what: `the route table ${JSON.stringify(name ?? '')} is not in this document`,
    });
  return found;
}

function downstreamTls(chain: Message, gaps: Gap[]): { readonly tls: Message; readonly isQuic: boolean } {
  const socket = chain.at('transport_socket');
  const typed = socket.at('typed_config');
  if (typed.type === TLS) return { tls: typed.typed, isQuic: false };
  if (typed.type === QUIC) return { tls: typed.typed.at('downstream_tls_context'), isQuic: true };
  if (socket.isThere && typed.type !== 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer')
    gaps.push({ where: socket.path, what: `the transport socket ${typed.type || 'without a type'}` });
  return { tls: ABSENT, isQuic: false };
}
