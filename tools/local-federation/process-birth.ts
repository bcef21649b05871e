/** Telling a process from another one that later got the same number. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Fields of `/proc/PID/stat` behind the command's closing parenthesis: state first, start time twentieth. */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

/** From /proc: start in clock ticks since the boot, and which boot it was. */
function birthFromProc(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[STATE_FIELD] === 'Z' || fields[STATE_FIELD] === 'X') return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot}:${fields[START_TIME_FIELD] ?? ''}`;
}

function birthFromPs(pid: number): string | undefined {
  const output = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  return output === '' || output.startsWith('Z') ? undefined : output.slice(output.indexOf(' ')).trim();
}

/**
 * A text that is this process's alone: the same as long as it runs, another one for whatever gets its number later.
 * Undefined when no such process runs; one that has ended and waits for its parent to notice does not run.
 */
export function processBirth(pid: number): string | undefined {
  try {
    return process.platform === 'linux' ? birthFromProc(pid) : birthFromPs(pid);
  } catch {
    return undefined;
  }
}
