/** From what runs to what should run: only what changed is replaced. */
import type { Layout } from './layout.js';
import {
  runningProcess,
  startProcess,
  stopProcess,
  type Lifetime,
  type ProcessName,
  type ProcessPlan,
} from './processes.js';

/** What happened to one process. */
export interface Outcome {
  readonly name: ProcessName;
  readonly change: 'started' | 'replaced' | 'unchanged';
  readonly pid: number;
}

/** Brings one process to its plan: starts it, replaces it when it was started from something else, or leaves it. */
export async function reconcile(layout: Layout, plan: ProcessPlan, lifetime: Lifetime): Promise<Outcome> {
  const { name } = plan;
  const running = runningProcess(layout, name);
  if (running?.digest === plan.digest) return { name, change: 'unchanged', pid: running.pid };
  if (running !== undefined) await stopProcess(layout, name);
  const { pid } = await startProcess(layout, plan, lifetime);
  return { name, change: running === undefined ? 'started' : 'replaced', pid };
}
