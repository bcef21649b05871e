/** What `up` prints at its end: how to send a request of one's own, how to look, how to stop. */
import type { ReachableFederation } from './attach.js';
import { fromRoot } from './layout.js';

/** Lines for a terminal; the commands in them work as they stand, from the repository's folder. */
export function instructions({ layout, environment }: ReachableFederation): string[] {
  const place = fromRoot(layout, layout.directory);
  const values = fromRoot(layout, layout.environmentFile);
  return [
    `The federation is up at ${environment.COUNTERSIGN_URL}. Its values are in ${values}.`,
    `Stop it: make local-federation-down${place === 'local_federation' ? '' : ` STATE_DIR=${place}`}`,
  ];
}
