/** Every rule, in the order of the ids. */
import { AGREEMENT } from './agreement.js';
import { CHECK_CALLS } from './check-calls.js';
import { CHECK_SETTINGS } from './check-settings.js';
import { CLUSTERS } from './clusters.js';
import { CONNECTION_MANAGER } from './connection-manager.js';
import { FRONTS } from './fronts.js';
import { FILTERS_AROUND } from './filters-around.js';
import { PRESENCE } from './presence.js';
import { PROCESSOR_SETTINGS } from './processor-settings.js';
import { ROUTES } from './routes.js';
import { TLS } from './tls.js';
import type { Rule } from './rule.js';

/** The table that `docs/doctor.md` is written from. */
export const RULES: readonly Rule[] = [
  ...PRESENCE,
  ...CHECK_SETTINGS,
  ...CHECK_CALLS,
  ...PROCESSOR_SETTINGS,
  ...FRONTS,
  ...FILTERS_AROUND,
  ...ROUTES,
  ...CONNECTION_MANAGER,
  ...TLS,
  ...CLUSTERS,
  ...AGREEMENT,
];
