/**
 * What holds for a filter on a route, as Envoy puts the levels together (weighted cluster, route, virtual host, table; seen on
 * 1.36 and 1.40, `test/doctor/overrides.test.ts`). Pure.
 */
import type { Message } from '../read/message.js';
import type { HttpFilter } from './filters.js';
import { overridesOf, type Override, type Route } from './routes.js';

/** False where the filter is off for the route, or its setting on the route turns it off. */
export function isChecked(route: Route, filter: HttpFilter): boolean {
  return turnedOffAt(route, filter) === undefined;
}

/**
 * The path of what turns it off for this route; undefined where it is on. The most specific entry of any kind says whether
 * the filter is there, and the most specific one with a setting in it whether that is `disabled`: an empty entry of a
 * route takes a filter in that its virtual host has `disabled`, and leaves it disabled.
 */
export function turnedOffAt(route: Route, filter: HttpFilter): string | undefined {
  const [nearest] = overridesOf(route, filter.name);
  if (nearest === undefined) return filter.isOff ? `${filter.entry.path}.disabled` : undefined;
  if (nearest.isOff) return nearest.path;
  const [setting] = settingsOf(route, filter);
  return setting?.config.flag('disabled') === true ? setting.path : undefined;
}

/** Typed settings of a filter on a route, the most specific first; a wrapper that turns the filter off hides what is in it. */
export function settingsOf(route: Route, { name }: Pick<HttpFilter, 'name'>): Override[] {
  return overridesOf(route, name).filter(({ isOff, type }) => !isOff && type !== '');
}

/** `check_settings` of the most specific ExtAuthzPerRoute, which is taken whole; undefined where there is none. */
export function checkSettingsOf(route: Route, filter: Pick<HttpFilter, 'name'>): Message | undefined {
  const [setting] = settingsOf(route, filter);
  const settings = setting?.config.at('check_settings');
  return settings?.isThere === true ? settings : undefined;
}

/** A field of `ExtProcPerRoute.overrides`: of the most specific level that has it; the holder of the field. */
export function processorOverride(
  route: Route,
  filter: Pick<HttpFilter, 'name'>,
  field: string,
): Message | undefined {
  return settingsOf(route, filter)
    .map(({ config }) => config.at('overrides'))
    .find((overrides) => overrides.has(field));
}

/** The processing mode on a route: the override's, whole, or the filter's own. */
export function processingModeOf(route: Route, filter: Pick<HttpFilter, 'name' | 'config'>): Message {
  const levels = settingsOf(route, filter);
  const upTo = levels.findIndex(({ config }) => config.flag('disabled') === true);
  const heard = upTo === -1 ? levels : levels.slice(0, upTo);
  const own = heard
    .map(({ config }) => config.at('overrides', 'processing_mode'))
    .find(({ isThere }) => isThere);
  return own ?? filter.config.at('processing_mode');
}
