/** One command at a time in one place: two that start processes side by side would not know of each other's. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FederationFault } from './fault.js';
import type { Layout } from './layout.js';
import { processBirth } from './process-birth.js';
import { readIfThere } from './write-file.js';

function holder(file: string): number | undefined {
  const [pid = '', birth] = (readIfThere(file) ?? '').split(' ');
  return /^[0-9]{1,10}$/.test(pid) && processBirth(Number(pid)) === birth ? Number(pid) : undefined;
}

/** Runs `work` while holding the lock of this place. A lock whose holder has ended is taken over. */
export async function withLock<T>(layout: Layout, work: () => Promise<T>): Promise<T> {
  const file = join(layout.run, 'lock');
  const other = holder(file);
  if (other !== undefined) {
    throw new FederationFault(
      `another command is at work in ${layout.directory} (process ${other})`,
      'wait for it to end, or end it',
    );
  }
  rmSync(file, { force: true });
  writeFileSync(file, `${process.pid} ${processBirth(process.pid) ?? ''}`, { flag: 'wx', mode: 0o600 });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
