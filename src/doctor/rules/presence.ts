/** CSD0xx: whether requests meet the verifier at all, and ways around it. */
import type { FilterChain, Manager } from '../model/envoy.js';
import { decides, EXT_AUTHZ, EXT_PROC } from '../model/filters.js';
import { isChecked } from '../model/checked.js';
import { deciderOf, decided, type Judged, type Place, type Rule } from './rule.js';

function* nobodyAsks({ envoy }: Judged): Iterable<Place> {
  if (envoy.guarded.some((manager) => manager.filters.some(decides))) return;
  const others = envoy.managers.flatMap(({ filters }) =>
    filters.filter(({ type }) => type === EXT_AUTHZ || type === EXT_PROC),
  );
  if (others.length === 0) yield { where: '(document)', detail: 'it has no ext_authz and no ext_proc' };
  for (const { entry } of others)
    yield {
      where: entry.path,
      detail: 'its cluster is not known for the verifier: if it is, say --cluster NAME',
    };
}

/** A chain that shares its listener with a guarded one: which of them a client meets is the client's choice. */
function* unguardedChains({ envoy }: Judged): Iterable<Place> {
  const listeners = new Set(envoy.guarded.map(({ chain }) => chain.listener));
  for (const chain of envoy.chains) {
    if (!listeners.has(chain.listener)) continue;
    for (const filter of chain.bypasses)
      yield { where: filter.path, detail: filter.at('typed_config').type || 'a network filter' };
    for (const manager of chain.managers)
      if (deciderOf(manager) === undefined && leadsSomewhere(manager)) yield { where: manager.config.path };
  }
}

function leadsSomewhere({ routes }: Manager): boolean {
  return routes.some(({ action }) => action.isThere);
}

/** Where checked requests end up. */
function protectedClusters(judged: Judged): Set<string> {
  const names = new Set<string>();
  for (const { manager, filter } of decided(judged))
    for (const route of manager.routes)
      if (isChecked(route, filter)) for (const name of route.clusters) names.add(name);
  return names;
}

function* sideDoors(judged: Judged): Iterable<Place> {
  const { envoy } = judged;
  const targets = protectedClusters(judged);
  const guardedListeners = new Set(envoy.guarded.map(({ chain }) => chain.listener));
  for (const chain of envoy.chains) {
    if (guardedListeners.has(chain.listener)) continue;
    for (const cluster of clustersBehind(chain))
      if (targets.has(cluster))
        yield { where: chain.message.path, detail: `it leads to the cluster ${cluster}` };
  }
}

function clustersBehind(chain: FilterChain): Set<string> {
  const routed = chain.managers.flatMap(({ routes }) => routes.flatMap(({ clusters }) => clusters));
  const tcp = chain.bypasses.flatMap((filter) => {
    const config = filter.at('typed_config').typed;
    const weighted = config.at('weighted_clusters').list('clusters');
    return [config.text('cluster'), ...weighted.map((entry) => entry.text('name'))];
  });
  return new Set([...routed, ...tcp.filter((name) => name !== undefined)]);
}

function* twiceAsked({ envoy }: Judged): Iterable<Place> {
  for (const { filters } of envoy.guarded)
    for (const { entry } of filters.filter(decides).slice(1)) yield { where: entry.path };
}

function* optionalFilters({ envoy }: Judged): Iterable<Place> {
  for (const { filters } of envoy.guarded)
    for (const { role, entry } of filters) {
      if (role === undefined) continue;
      if (entry.flag('is_optional') === true) yield { where: `${entry.path}.is_optional` };
      if (
        entry.has('config_discovery') &&
        entry.at('config_discovery').flag('apply_default_config_without_warming')
      )
        yield { where: `${entry.path}.config_discovery.apply_default_config_without_warming` };
    }
}

/** In the order of their ids. */
export const PRESENCE: readonly Rule[] = [
  {
    id: 'CSD001',
    name: 'nobody-asks',
    severity: 'error',
    what: 'No filter of this Envoy asks the verifier about requests.',
    why: 'Nothing is checked.',
    instead:
      'put the ext_authz filter (countersign envoy-config prints it) before the router of every listener',
    check: nobodyAsks,
  },
  {
    id: 'CSD002',
    name: 'unguarded-chain',
    severity: 'error',
    what: 'A filter chain of a guarded listener goes on without the verifier.',
    why: 'Which chain takes a connection follows from its server name, its protocol or its address: the client chooses.',
    instead: 'the same HTTP filters in every chain of the listener that leads somewhere',
    check: unguardedChains,
  },
  {
    id: 'CSD003',
    name: 'side-door',
    severity: 'error',
    what: 'Another listener leads to the application of checked routes, and does not ask the verifier.',
    why: 'Whoever reaches that listener reaches the application unchecked.',
    instead: 'the filter there too, or no route to that cluster',
    check: sideDoors,
  },
  {
    id: 'CSD004',
    name: 'asked-twice',
    severity: 'error',
    what: 'Two filters of one chain ask the verifier about the same request.',
    why: 'The second finds the nonce used by the first: every request is refused with 409.',
    instead: 'one of ext_authz and ext_proc; an ext_proc for answers alone has request_header_mode: SKIP',
    check: twiceAsked,
  },
  {
    id: 'CSD005',
    name: 'filter-optional',
    severity: 'error',
    what: 'Envoy may leave the filter out.',
    why: 'Where it cannot be loaded, or is not there yet, requests pass without it.',
    instead: 'leave out is_optional and apply_default_config_without_warming',
    check: optionalFilters,
  },
];
