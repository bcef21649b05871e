/** The thread of one round: keys are made and files synced away from the loop that serves. It ends with the round. */
import { join } from 'node:path';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { nodeKeyFiles } from '../../keys/rotation/files.js';
import { rotateDomain, type DomainOutcome } from '../../keys/rotation/round.js';
import { openWriteLock } from '../../storage/lmdb/write-lock.js';
import type { RoundQuestion } from './round-thread.js';

/** The loop that serves comes first. */
const NICENESS = 5;

async function round({ settings, domains }: RoundQuestion): Promise<readonly DomainOutcome[]> {
  const { directory, schedule } = settings;
  try {
    nodeKeyFiles.makeDirectory(directory);
    // A process that is about to take over, or to be taken over, may do the same.
    const lock = openWriteLock(join(directory, 'lock'));
    try {
      return domains.map((domain) =>
        lock.hold(() => rotateDomain(domain, { directory, schedule, nowMs: Date.now() })),
      );
    } finally {
      await lock.close();
    }
  } catch (error) {
    const reason = `${directory}: ${error instanceof Error ? error.message : String(error)}`;
    return domains.map(({ tenant }) => ({ tenant, kind: 'failed', reason }));
  }
}

if (process.platform === 'linux') setPriority(NICENESS);
void round(workerData as RoundQuestion).then((outcomes) => parentPort?.postMessage(outcomes));
