/** The processes of a federation: started in the background, found again by later commands, stopped by their own number. */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FederationFault } from './fault.js';
import type { Layout } from './layout.js';
import { processBirth } from './process-birth.js';
import { readIfThere, writePrivateFile } from './write-file.js';

/** What a federation runs, in the order in which it is stopped: no request outlives the one that judges it. */
export const PROCESS_NAMES = ['envoy', 'verifier', 'upstream'] as const;

/** One of the processes. */
export type ProcessName = (typeof PROCESS_NAMES)[number];

/** How to start one. */
export interface ProcessPlan {
  readonly name: ProcessName;
  readonly command: string;
  readonly arguments: readonly string[];
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Changes whenever the running process would have to be replaced. */
  readonly digest: string;
}

/** One that runs. */
export interface RunningProcess {
  readonly pid: number;
  readonly digest: string;
}

/**
 * `background`: goes on when the program that started it ends. `caller`: belongs to that program's process group and
 * is killed when it exits; Jest hides the exit from its tests, so they have to `stop` what they started.
 */
export type Lifetime = 'background' | 'caller';

const pidFile = (layout: Layout, name: ProcessName): string => join(layout.run, `${name}.pid`);
const recordFile = (layout: Layout, name: ProcessName): string => join(layout.run, `${name}.json`);
/** What the process wrote to stdout and stderr since its last start. */
export const logFile = (layout: Layout, name: ProcessName): string => join(layout.run, `${name}.log`);

interface ProcessRecord extends RunningProcess {
  readonly birth: string;
}

function readRecord(layout: Layout, name: ProcessName): ProcessRecord | undefined {
  const text = readIfThere(recordFile(layout, name));
  if (text === undefined) return undefined;
  try {
    const { pid, digest, birth } = JSON.parse(text) as Record<string, unknown>;
    const sound = Number.isInteger(pid) && typeof digest === 'string' && typeof birth === 'string';
    return sound ? { pid: pid as number, digest, birth } : undefined;
  } catch {
    return undefined;
  }
}

/** The process that `startProcess` recorded, if it is still that one that runs. A stale record is no process. */
export function runningProcess(layout: Layout, name: ProcessName): RunningProcess | undefined {
  const record = readRecord(layout, name);
  return record !== undefined && processBirth(record.pid) === record.birth ? record : undefined;
}

/** Whether a process was started and not stopped since: it may have ended by itself, and is missed then. */
export function wasStarted(layout: Layout, name: ProcessName): boolean {
  return readRecord(layout, name) !== undefined;
}

/** Processes that end with this one, with their births. */
const endingWithUs = new Map<number, string>();

/** One listener for all of them: Node warns of more than ten. */
function killAtExit(pid: number): void {
  const birth = processBirth(pid);
  if (birth === undefined) return;
  if (endingWithUs.size === 0) process.once('exit', killThoseLeft);
  endingWithUs.set(pid, birth);
}

function killThoseLeft(): void {
  for (const [pid, birth] of endingWithUs) if (processBirth(pid) === birth) process.kill(pid, 'SIGKILL');
}

/** What may hold the password of a Redis: the switch, and Make's own record of its arguments. */
const SWITCHES = new Set(['NONCES', 'MAKEFLAGS', 'MAKEOVERRIDES', 'MFLAGS']);

function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !SWITCHES.has(name)));
}

/** Starts a process with its output in its log, and records it. Rejects with a fault when it cannot be started. */
export async function startProcess(
  layout: Layout,
  plan: ProcessPlan,
  lifetime: Lifetime,
): Promise<RunningProcess> {
  // Appended to, so that a log which is cut to nothing while it grows has no hole at its beginning.
  const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;
  const log = openSync(logFile(layout, plan.name), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
  const child = spawn(plan.command, plan.arguments, {
    cwd: layout.root,
    env: { ...inheritedEnvironment(), ...plan.environment },
    detached: lifetime === 'background',
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => {
      reject(new FederationFault(`cannot start ${plan.name}: ${error.message}`, `is ${plan.command} there?`));
    });
  });
  child.unref();
  const pid = child.pid ?? 0;
  if (lifetime === 'caller') killAtExit(pid);
  const record: ProcessRecord = { pid, digest: plan.digest, birth: processBirth(pid) ?? '' };
  writePrivateFile(recordFile(layout, plan.name), `${JSON.stringify(record)}\n`);
  writePrivateFile(pidFile(layout, plan.name), `${pid}\n`);
  return record;
}

const TERM_MILLISECONDS = 12_000;
const KILL_MILLISECONDS = 5_000;
const POLL_MILLISECONDS = 20;

async function gone(layout: Layout, name: ProcessName, withinMilliseconds: number): Promise<boolean> {
  const deadline = performance.now() + withinMilliseconds;
  while (runningProcess(layout, name) !== undefined) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MILLISECONDS);
  }
  return true;
}

/**
 * Stops a process that `startProcess` started: SIGTERM, and SIGKILL when that is not heeded. What merely has the
 * same number now is left alone. Says how it ended; the records are removed either way.
 */
export async function stopProcess(
  layout: Layout,
  name: ProcessName,
): Promise<'stopped' | 'killed' | 'not running'> {
  const running = runningProcess(layout, name);
  let outcome: 'stopped' | 'killed' | 'not running' = 'not running';
  if (running !== undefined) {
    process.kill(running.pid, 'SIGTERM');
    outcome = (await gone(layout, name, TERM_MILLISECONDS)) ? 'stopped' : 'killed';
    if (outcome === 'killed') {
      process.kill(running.pid, 'SIGKILL');
      await gone(layout, name, KILL_MILLISECONDS);
    }
  }
  for (const file of [recordFile(layout, name), pidFile(layout, name)]) rmSync(file, { force: true });
  return outcome;
}

const TAIL_LINES = 12;

/** The last lines that a process wrote, for an error message. */
export function logTail(layout: Layout, name: ProcessName): string {
  return readFileSync(logFile(layout, name), 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
}
