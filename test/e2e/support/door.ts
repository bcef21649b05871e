/** Where a federation is knocked at. */
import type { ReachableFederation } from '../../../tools/local-federation/attach.js';
import type { Door } from './outgoing.js';

/** Where its Envoy listens. */
export function doorOf({ environment, credentials }: ReachableFederation): Door {
  return { port: Number(new URL(environment.COUNTERSIGN_URL).port), authority: credentials.authority };
}
