/** Every rule, in the order of the ids. */
import { CHECK_CALLS } from './check-calls.js';
import { CHECK_SETTINGS } from './check-settings.js';
import { PRESENCE } from './presence.js';
import type { Rule } from './rule.js';

/** The table that `docs/doctor.md` is written from. */
export const RULES: readonly Rule[] = [...PRESENCE, ...CHECK_SETTINGS, ...CHECK_CALLS];
