/** `up`: start, show, tell how to go on. */
import { startFederation, type Federation } from './federation.js';
import { FederationFault } from './fault.js';
import { instructions } from './instructions.js';
import { layoutOf, makeFolders } from './layout.js';
import { withLock } from './lock.js';
import type { Switches } from './options.js';
import type { Paint, Progress } from './progress.js';
import { showRound } from './round.js';

/** Starts the federation that the switches describe. */
export function startFrom(switches: Switches, progress: Progress): Promise<Federation> {
  const { port, upstream, rateLimitPerMinute, envoyBinary, nonces, stateDirectory } = switches;
  return startFederation({
    port,
    upstream,
    rateLimitPerMinute,
    envoyBinary,
    nonces,
    stateDirectory,
    progress,
  });
}

function sayWhatChanged(federation: Federation, progress: Progress): void {
  for (const { name, change, pid } of federation.outcomes)
    progress.say(`  ${name}: ${change} (process ${pid})`);
}

/** Starts or updates the federation and, unless `DEMO=0`, shows the round. Rejects with a `FederationFault`. */
export async function up(switches: Switches, progress: Progress, paint: Paint): Promise<void> {
  const layout = layoutOf(switches.stateDirectory);
  makeFolders(layout);
  await withLock(layout, async () => {
    if (switches.nonces === 'memory') {
      progress.say(
        '  NONCES=memory: after a start everything is refused until the clock window has passed (30 s).',
      );
    }
    const federation = await startFrom(switches, progress);
    try {
      sayWhatChanged(federation, progress);
      if (switches.demonstration) await showRound(federation, progress, paint);
    } catch (error) {
      if (!(error instanceof FederationFault)) throw error;
      throw new FederationFault(
        error.message,
        `${error.remedy}; everything still runs, make local-federation-down stops it`,
      );
    } finally {
      federation.gateway.close();
    }
    for (const line of instructions(federation)) progress.say(line);
  });
}
