/** Whether a filter of ours looks at the requests of a route. Pure. */
import type { HttpFilter } from './filters.js';
import { overridesOf, type Route } from './routes.js';

/** False where the filter is off, or turned off by the most specific override that says something. */
export function isChecked(route: Route, filter: HttpFilter): boolean {
  return turnedOffAt(route, filter) === undefined;
}

/** The path of what turns it off for this route; undefined where it is on. */
export function turnedOffAt(route: Route, { name, isOff, entry }: HttpFilter): string | undefined {
  const [override] = overridesOf(route, name);
  if (override === undefined) return isOff ? `${entry.path}.disabled` : undefined;
  if (override.isOff || override.config.flag('disabled') === true) return override.path;
  return undefined;
}
