/** The routes of a table, each with the overrides of filters that hold for it. Pure. */
import type { Message } from '../read/message.js';
import type { Gap } from './gap.js';

/** One way that a request may take; a weighted route is one for each of its clusters that overrides a filter. */
export interface Route {
  readonly message: Message;
  readonly host: Message;
  readonly table: Message;
  /** RouteAction; absent for redirects and direct responses. */
  readonly action: Message;
  /** Every cluster that it may lead to by name. */
  readonly clusters: readonly string[];
  /** `typed_per_filter_config` maps that hold for it, the most specific first. */
  readonly overrides: readonly ReadonlyMap<string, Message>[];
}

/** Nothing real nests matchers deeper. */
const MAX_DEPTH = 24;
const ROUTES = 'envoy.config.route.v3.RouteList';
const ROUTE = 'envoy.config.route.v3.Route';

/** Every route of a table, those of matchers included. */
export function routesOf(table: Message, gaps: Gap[]): Route[] {
  const general = overridesIn(table);
  return table.list('virtual_hosts').flatMap((host) => {
    const outer = [overridesIn(host), general];
    const messages = [...host.list('routes'), ...routesIn(host.at('matcher'), gaps)];
    return messages.flatMap((message) => waysOf(message, host, table, outer));
  });
}

/** A matcher tree is walked without its conditions: whatever it may lead to is a route. */
function routesIn(matcher: Message, gaps: Gap[], depth = 0): Message[] {
  if (matcher.type === ROUTE) return [matcher];
  if (matcher.type === ROUTES) return matcher.list('routes');
  if (depth === MAX_DEPTH) {
    gaps.push({ where: matcher.path, what: 'a matcher that is nested too deeply to be read' });
    return [];
  }
  return matcher.children().flatMap((child) => routesIn(child, gaps, depth + 1));
}

function waysOf(
  message: Message,
  host: Message,
  table: Message,
  outer: readonly ReadonlyMap<string, Message>[],
): Route[] {
  const action = message.at('route');
  const weighted = action.at('weighted_clusters').list('clusters');
  const own = [overridesIn(message), ...outer];
  const base = { message, host, table, action };
  const plain = { ...base, clusters: clustersOf(action, weighted), overrides: own };
  const special = weighted.filter((entry) => overridesIn(entry).size > 0);
  return [
    ...(special.length > 0 && special.length === weighted.length ? [] : [plain]),
    ...special.map((entry) => ({
      ...base,
      message: entry,
      clusters: clustersOf(action, [entry]),
      overrides: [overridesIn(entry), ...own],
    })),
  ];
}

function clustersOf(action: Message, weighted: readonly Message[]): string[] {
  const names = [action.text('cluster'), ...weighted.map((entry) => entry.text('name'))];
  return names.filter((name) => name !== undefined);
}

function overridesIn(message: Message): ReadonlyMap<string, Message> {
  return new Map(message.entries('typed_per_filter_config'));
}

const FILTER_CONFIG = 'envoy.config.route.v3.FilterConfig';

/** What routes say of one filter, the most specific first: typed messages, with the wrapper that can turn a filter off. */
export interface Override {
  readonly type: string;
  readonly config: Message;
  /** By the wrapper, whatever is in it. */
  readonly isOff: boolean;
  readonly path: string;
}

/** The overrides of a filter on a route. */
export function overridesOf(route: Route, filterName: string): Override[] {
  return route.overrides.flatMap((level) => {
    const found = level.get(filterName);
    return found === undefined ? [] : [overrideOf(found)];
  });
}

function overrideOf(found: Message): Override {
  if (found.type !== FILTER_CONFIG)
    return { type: found.type, config: found.typed, isOff: false, path: found.path };
  const { typed } = found;
  const inner = typed.at('config');
  return { type: inner.type, config: inner.typed, isOff: typed.flag('disabled') === true, path: found.path };
}
