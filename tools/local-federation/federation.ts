/**
 * The local federation as a library: `up` is one caller, end-to-end tests are others.
 *
 *     const federation = await startFederation({ stateDirectory: mkdtempSync(…), lifetime: 'caller' });
 *     federation.environment.COUNTERSIGN_URL …
 *     await federation.stop();
 *
 * It runs the compiled code in `dist/` (`npm run build` first) and a real Envoy; each call has processes, ports,
 * certificates and state of its own below its `stateDirectory`.
 */
import { prepareFederation, type Preparation } from './preparation.js';
import { pageProbe, refusalProbe, waitUntilReady } from './health.js';
import type { Layout } from './layout.js';
import type { FederationOptions } from './federation-options.js';
import { reach, type ReachableFederation } from './attach.js';
import { PATHS } from './bodies.js';
import {
  PROCESS_NAMES,
  runningProcess,
  startProcess,
  stopProcess,
  type Lifetime,
  type ProcessName,
} from './processes.js';
import { silentProgress, type Progress } from './progress.js';
import { reconcile, type Outcome } from './reconcile.js';

/** A federation that answers. */
export interface Federation extends ReachableFederation {
  /** What this start did to each process. */
  readonly outcomes: readonly Outcome[];
  /** The process's number; undefined when it does not run. */
  pid(name: ProcessName): number | undefined;
  /** Stops one process (SIGTERM, then SIGKILL); `resume` starts it again from the same plan and waits for health. */
  interrupt(name: ProcessName): Promise<void>;
  resume(name: ProcessName): Promise<void>;
  /** Stops everything that runs in this place; files and state stay. */
  stop(): Promise<void>;
}

const START_MILLISECONDS = 20_000;
/** A nonce store without a memory of what was let in refuses until the widest window has passed: up to 300 s. */
const VERIFIER_START_MILLISECONDS = 320_000;

async function waitForHealth(
  prepared: Preparation,
  { gateway, credentials }: ReachableFederation,
  progress: Progress,
): Promise<void> {
  const { layout, environment, plans } = prepared;
  const wait = (
    title: string,
    process: ProcessName,
    probe: () => Promise<string | undefined>,
  ): Promise<void> => {
    const timeoutMilliseconds = process === 'verifier' ? VERIFIER_START_MILLISECONDS : START_MILLISECONDS;
    return progress.step(title, (note) =>
      waitUntilReady({ layout, process, probe, timeoutMilliseconds, note }),
    );
  };
  if (plans.has('upstream')) {
    const url = `${environment.COUNTERSIGN_UPSTREAM_URL}/_reference/health`;
    await wait('reference upstream answers', 'upstream', pageProbe(url));
  }
  await wait('verifier is ready', 'verifier', pageProbe(`${environment.COUNTERSIGN_ADMIN_URL}/readyz`));
  await wait('Envoy is ready', 'envoy', pageProbe(`${environment.COUNTERSIGN_ENVOY_ADMIN_URL}/ready`));
  const probe = refusalProbe(gateway, credentials.producerA, PATHS.telemetry);
  await wait(`${environment.COUNTERSIGN_URL} asks the verifier`, 'envoy', probe);
}

async function reconcileAll(prepared: Preparation, lifetime: Lifetime): Promise<Outcome[]> {
  const { layout, plans } = prepared;
  if (!plans.has('upstream')) await stopProcess(layout, 'upstream');
  return Promise.all([...plans.values()].map((plan) => reconcile(layout, plan, lifetime)));
}

/**
 * Starts a federation, or brings the one in this place to these options, and waits until it is healthy.
 * Rejects with a `FederationFault` for what the machine or the options are to blame for; what was started by then
 * stays for a look at it, and `stopFederation` ends it.
 */
export async function startFederation(options: FederationOptions): Promise<Federation> {
  const { progress = silentProgress, lifetime = 'background' } = options;
  const prepared = await prepareFederation(options, progress);
  const { layout, environment, plans } = prepared;
  const outcomes = await progress.step('processes started', () => reconcileAll(prepared, lifetime));
  const reachable = reach(layout, environment);
  await waitForHealth(prepared, reachable, progress);
  return {
    ...reachable,
    outcomes,
    pid: (name) => runningProcess(layout, name)?.pid,
    interrupt: async (name) => {
      await stopProcess(layout, name);
    },
    resume: async (name) => {
      const plan = plans.get(name);
      if (plan === undefined) throw new Error(`this federation does not run ${name}`);
      if (runningProcess(layout, name) === undefined) await startProcess(layout, plan, lifetime);
      await waitForHealth(prepared, reachable, silentProgress);
    },
    stop: async () => {
      reachable.gateway.close();
      await stopFederation(layout);
    },
  };
}

/** Stops what runs in a place, Envoy first. Returns one line for each process that was there. */
export async function stopFederation(layout: Layout): Promise<string[]> {
  const lines: string[] = [];
  for (const name of PROCESS_NAMES) {
    const pid = runningProcess(layout, name)?.pid;
    const outcome = await stopProcess(layout, name);
    if (pid !== undefined) lines.push(`${name} (process ${pid}) ${outcome}`);
  }
  return lines;
}
