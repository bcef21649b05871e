/**
 * Which process owns a write-ahead file, and whether it still runs: what a process leaves behind that was killed is
 * taken at once, and what a living one is about to write is waited for. Only the kernel's own word that there is no such
 * process ends an owner: whatever else keeps us from looking says nothing about it.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { systemErrorCode } from '../../storage/error-code.js';
import { readBootId } from '../../storage/lmdb/database-files.js';

/** A process, told apart from every other one of this machine. Empty texts where the system does not tell. */
export interface Owner {
  readonly boot: string;
  /** Of process ids: containers have their own. */
  readonly namespace: string;
  readonly pid: number;
  /** When the process was started, in the kernel's clock ticks. */
  readonly started: string;
}

/** How a process is looked at; tests have systems that hide it. */
export interface ProcessTable {
  /** The text of `/proc/<pid>/stat`. Throws the system's error. */
  statOf(pid: number): string;
  /** Sends no signal, but finds out whether one could be sent (kill(2), signal 0). Throws the system's error. */
  probe(pid: number): void;
}

const MOST_PID = 2_147_483_647;

const kernel: ProcessTable = {
  statOf: (pid) => readFileSync(`/proc/${pid}/stat`, 'latin1'),
  probe: (pid) => void process.kill(pid, 0),
};

/** This process. */
export function thisProcess(): Owner {
  return {
    boot: orEmpty(() => readBootId() ?? ''),
    namespace: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    started: orEmpty(() => fieldsOf(kernel.statOf(process.pid)).started),
  };
}

/** Whether an owner still runs: `unknown` when it is in another container, or the system does not tell. */
export function lifeOf(
  owner: Owner,
  ours: Owner,
  table: ProcessTable = kernel,
): 'runs' | 'ended' | 'unknown' {
  if (owner.boot === '' || ours.boot === '') return 'unknown';
  if (owner.boot !== ours.boot) return 'ended';
  if ([owner.namespace, owner.started].includes('') || owner.namespace !== ours.namespace) return 'unknown';
  try {
    const { state, started } = fieldsOf(table.statOf(owner.pid));
    if (started === '') return 'unknown';
    return started === owner.started && !isDead(state) ? 'runs' : 'ended';
  } catch (error) {
    return isGone(error) && isAbsent(owner.pid, table) ? 'ended' : 'unknown';
  }
}

/** Reads what stands at the head of a file; undefined when it is not that. */
export function parseOwner(payload: Buffer): Owner | undefined {
  let found: unknown;
  try {
    found = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  const { boot, namespace, pid, started } = (found ?? {}) as Partial<Record<keyof Owner, unknown>>;
  const isOwner =
    typeof boot === 'string' &&
    typeof namespace === 'string' &&
    Number.isInteger(pid) &&
    typeof started === 'string';
  if (!isOwner || !((pid as number) > 0 && (pid as number) <= MOST_PID)) return undefined;
  return { boot, namespace, pid: pid as number, started };
}

/** The third and the 22nd field (proc_pid_stat(5)); the second one, a name in parentheses, may have spaces in it. */
function fieldsOf(stat: string): { readonly state: string; readonly started: string } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', started: fields[19] ?? '' };
}

/** Killed, and nobody has asked how it ended: it runs no more, though its number is still taken. */
function isDead(state: string): boolean {
  return state === 'Z' || state === 'X';
}

/** No such file, or the process has ended while its file was read. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes(systemErrorCode(error) ?? '');
}

/** Where `/proc` is missing, or hides the processes of others (`hidepid`), a signal still finds them. */
function isAbsent(pid: number, table: ProcessTable): boolean {
  try {
    table.probe(pid);
    return false;
  } catch (error) {
    return systemErrorCode(error) === 'ESRCH';
  }
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
