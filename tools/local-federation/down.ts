/** `down`: stop what `up` started, and nothing else. */
import { existsSync } from 'node:fs';
import { stopFederation } from './federation.js';
import { fromRoot, layoutOf } from './layout.js';
import { withLock } from './lock.js';
import type { Progress } from './progress.js';

/** Stops the federation in this place. That there is none is no fault. Keys, certificates and state stay. */
export async function down(stateDirectory: string, progress: Progress): Promise<void> {
  const layout = layoutOf(stateDirectory);
  const lines = existsSync(layout.run) ? await withLock(layout, () => stopFederation(layout)) : [];
  for (const line of lines) progress.say(`  ${line}`);
  const place = fromRoot(layout, layout.directory);
  progress.say(
    lines.length === 0
      ? `Nothing runs in ${place}.`
      : `Stopped. Keys, certificates and state stay in ${place}.`,
  );
}
