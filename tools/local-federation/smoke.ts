/** `smoke`: the round, with an exit status and a log that stays. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { attach } from './attach.js';
import { stopFederation } from './federation.js';
import { FederationFault } from './fault.js';
import { fromRoot, layoutOf, makeFolders, type Layout } from './layout.js';
import { withLock } from './lock.js';
import type { Switches } from './options.js';
import { lineProgress, paintFor, type Progress } from './progress.js';
import { showRound } from './round.js';
import { startFrom } from './up.js';

const plain = paintFor({}, {});

async function round(layout: Layout, switches: Switches, progress: Progress): Promise<void> {
  const there = attach(layout);
  progress.say(
    there === undefined
      ? 'No federation is up: one is started for the round.'
      : 'Using the federation that is up.',
  );
  const federation = there ?? (await startFrom(switches, progress));
  try {
    await showRound(federation, progress, plain);
  } finally {
    federation.gateway.close();
  }
}

/** Sends everything to the federation that is up, or to one that is started for it and stopped again. */
export async function smoke(switches: Switches, write: (line: string) => void, now: Date): Promise<void> {
  const layout = layoutOf(switches.stateDirectory);
  makeFolders(layout);
  const log = join(layout.audit, `smoke-${now.toISOString().replace(/[:.]/g, '-')}.log`);
  const progress = lineProgress((line) => {
    write(line);
    appendFileSync(log, `${line}\n`, { mode: 0o600 });
  }, plain);
  await withLock(layout, async () => {
    const wasUp = attach(layout) !== undefined;
    try {
      await round(layout, switches, progress);
      progress.say('Smoke test passed.');
    } catch (error) {
      const fault = error instanceof FederationFault ? `${error.message}\n${error.remedy}` : String(error);
      progress.say(`Smoke test FAILED: ${fault}`);
      throw error;
    } finally {
      if (!wasUp) for (const line of await stopFederation(layout)) progress.say(`  ${line}`);
      progress.say(`Log: ${fromRoot(layout, log)}`);
    }
  });
}
