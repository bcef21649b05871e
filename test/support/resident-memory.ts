/** How much memory a process has, as Linux counts it. */
import { readFileSync } from 'node:fs';

const RESIDENT = /^VmRSS:\s+([0-9]+) kB$/m;

/** Resident set in bytes; NaN for a process that is not there. */
export function residentBytes(pid: number): number {
  try {
    const [, kilobytes] = RESIDENT.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return Number(kilobytes ?? NaN) * 1024;
  } catch {
    return NaN;
  }
}

/** Looks every so often and keeps the largest value. */
export class MemoryPeak {
  readonly #timer: NodeJS.Timeout;
  bytes = 0;

  constructor(pid: number, everyMilliseconds = 50) {
    const look = (): void => {
      const now = residentBytes(pid);
      if (now > this.bytes) this.bytes = now;
    };
    look();
    this.#timer = setInterval(look, everyMilliseconds);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
