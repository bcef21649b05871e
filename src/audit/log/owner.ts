/**
 * Which process owns a write-ahead file, and whether it still runs: what a process leaves behind that was killed is
 * taken at once, and what a living one is about to write is waited for.
 */
import { readFileSync, readlinkSync } from 'node:fs';
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

/** This process. */
export function thisProcess(): Owner {
  return {
    boot: readBootId() ?? '',
    namespace: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    started: startOf(process.pid),
  };
}

/** Whether an owner still runs: `unknown` when it is in another container, or the system does not tell. */
export function lifeOf(owner: Owner, ours: Owner): 'runs' | 'ended' | 'unknown' {
  if (owner.boot === '' || ours.boot === '' || ours.started === '') return 'unknown';
  if (owner.boot !== ours.boot) return 'ended';
  if (owner.namespace !== ours.namespace) return 'unknown';
  return startOf(owner.pid) === owner.started ? 'runs' : 'ended';
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
    Number.isSafeInteger(pid) &&
    typeof started === 'string';
  return isOwner ? { boot, namespace, pid: pid as number, started } : undefined;
}

/** The 22nd field of `/proc/<pid>/stat`; the second one, a name in parentheses, may have spaces in it. */
function startOf(pid: number): string {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
