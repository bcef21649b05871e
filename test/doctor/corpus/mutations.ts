/** Every mutation; a test holds that each rule has one. */
import { CHECK_MUTATIONS } from './check-mutations.js';
import type { Mutation } from './mutation.js';
import { PROCESS_MUTATIONS } from './process-mutations.js';
import { PROCESSOR_MUTATIONS } from './processor-mutations.js';
import { ROUTE_MUTATIONS } from './route-mutations.js';

/** In the order of the rules, but for what is wrong in two places. */
export const MUTATIONS: readonly Mutation[] = [
  ...CHECK_MUTATIONS,
  ...PROCESSOR_MUTATIONS,
  ...ROUTE_MUTATIONS,
  ...PROCESS_MUTATIONS,
];
