/** Child processes of the benchmark, each pinned to a core where the system can do that. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export const SERVER_CORE = 0;
export const CLIENT_CORE = 1;
const START_LIMIT_MILLISECONDS = 15_000;
const POLL_MILLISECONDS = 20;

/** Whether `taskset` is here; without it the figures are still ratios, but noisier. */
export const canPin = spawnSync('taskset', ['--version']).status === 0;

/** Pins this process, the client, to its core. */
export function pinClient(): void {
  if (canPin) spawnSync('taskset', ['-cp', String(CLIENT_CORE), String(process.pid)]);
}

/** Undoes that: this process, and whatever it starts from now on, may use every core. */
export function freeAllCores(): void {
  if (canPin) spawnSync('taskset', ['-acp', `0-${cpus().length - 1}`, String(process.pid)]);
}

/** The command and arguments that run `node ...args` on the server's core. */
export function onServerCore(args: readonly string[]): [command: string, args: string[]] {
  return pinned([process.execPath, ...args]);
}

function pinned(whole: readonly string[]): [command: string, args: string[]] {
  const [command = '', ...rest] = canPin ? ['taskset', '-c', String(SERVER_CORE), ...whole] : whole;
  return [command, rest];
}

/** Starts `node ...args` on whatever core; its standard error goes to ours. */
export function startUnpinned(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Starts `node ...args` on the server's core; its standard error goes to ours. */
export function startOnServerCore(
  args: readonly string[],
  output: 'ignore' | 'inherit' = 'ignore',
): ChildProcess {
  return startCommandOnServerCore([process.execPath, ...args], output);
}

/** The same of any command. */
export function startCommandOnServerCore(
  whole: readonly string[],
  output: 'ignore' | 'inherit' = 'ignore',
): ChildProcess {
  const [command, rest] = pinned(whole);
  return spawn(command, rest, { stdio: ['ignore', output, 'inherit'] });
}

/** Waits until the file (a socket) exists; rejects when the process ends first or the time is up. */
export async function waitForFile(
  path: string,
  child: ChildProcess,
  limitMilliseconds = START_LIMIT_MILLISECONDS,
): Promise<void> {
  for (let waited = 0; waited < limitMilliseconds; waited += POLL_MILLISECONDS) {
    if (child.exitCode !== null) throw new Error(`the server of ${path} ended with ${child.exitCode}`);
    if (existsSync(path)) return;
    await delay(POLL_MILLISECONDS);
  }
  throw new Error(`no socket at ${path} after ${limitMilliseconds} ms`);
}

/** Ends a process by its own id and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** Clock ticks a second in which Linux counts a process's time (`getconf CLK_TCK`; 100 on every Linux that Node runs on). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process so far, by its id, in seconds; NaN where there is no /proc. */
export function cpuSecondsOf(pid: number): number {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return NaN;
  const fields = readFileSync(file, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The same to the nanosecond, of the threads that live (`/proc/PID/task/TID/schedstat`): for short slices of load. */
export function threadSeconds({ pid = 0 }: ChildProcess): number {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return NaN;
  let nanoseconds = 0;
  for (const thread of readdirSync(tasks))
    nanoseconds += Number(readFileSync(`${tasks}/${thread}/schedstat`, 'latin1').split(' ')[0]);
  return nanoseconds / 1e9;
}
