/** Ending a process that a test started, and waiting until it is gone. */
import type { ChildProcess } from 'node:child_process';

/** Nothing where it was never started, or has ended by itself or by a signal. */
export async function endChild(
  child: ChildProcess | undefined,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<void> {
  if (child?.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}
