/** Rough handling of a federation's processes, each by its own number. */
import { until } from '../../support/until.js';
import type { ProcessName } from '../../../tools/local-federation/processes.js';
import type { Stage } from './stage.js';

/** Sends a signal to one of the stage's own processes. */
export function signal(stage: Stage, name: ProcessName, what: NodeJS.Signals): void {
  const pid = stage.federation.pid(name);
  if (pid === undefined) throw new Error(`${name} does not run`);
  process.kill(pid, what);
}

/** Kills a process as a crash would, and waits until it is gone. */
export async function crash(stage: Stage, name: ProcessName): Promise<void> {
  signal(stage, name, 'SIGKILL');
  await untilGone(stage, name);
}

/** Waits until a process that was killed is gone: until then it counts as running, and is not started anew. */
export async function untilGone(stage: Stage, name: ProcessName): Promise<void> {
  await until(`${name} is gone`, () => stage.federation.pid(name) === undefined);
}
