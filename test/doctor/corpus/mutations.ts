/** Every mutation; a test holds that each rule has one. */
import { CHECK_MUTATIONS } from './check-mutations.js';
import type { Mutation } from './mutation.js';

/** In the order of the rules. */
export const MUTATIONS: readonly Mutation[] = [...CHECK_MUTATIONS];
