/**
 * The supervisor of several workers. It judges nothing itself: it starts them, replaces those that die, passes
 * signals on, and shows them all on the one admin port. A worker whose supervisor is gone drains and ends.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Configuration } from '../config/settings.js';
import { startAdminServer } from '../observability/admin-server.js';
import type { RunningVerifier } from './verifier.js';
import { Worker } from './worker.js';
import { viewOfWorkers } from './workers-view.js';

const WORKER_MAIN = fileURLToPath(new URL('worker-main.js', import.meta.url));
/** What a worker may take on top of draining, to flush and to close. */
const CLOSING_MILLISECONDS = 5_000;

/**
 * Starts the workers of the settings; resolves when all of them listen. Rejects with a sentence when one cannot.
 * `start` makes the process of a worker, given the configuration's file and the worker's number.
 */
export async function startWorkers(
  configuration: Configuration,
  logger: Logger,
  start = forkWorker,
): Promise<RunningVerifier> {
  const { settings, file } = configuration;
  const workers = Array.from(
    { length: settings.workers },
    (_, number) =>
      new Worker({ number, fork: () => start(file, number), logger, onDeath: () => view.died(number) }),
  );
  const view = viewOfWorkers(workers);
  const stopAll = async (cut?: AbortSignal): Promise<void> => {
    view.health.drain();
    const limitMilliseconds = settings.limits.drainMilliseconds + CLOSING_MILLISECONDS;
    await stopWorkers(workers, limitMilliseconds, cut);
  };
  const reload = (): Promise<void> => {
    for (const worker of workers) worker.signal('SIGHUP');
    return Promise.resolve();
  };
  try {
    await Promise.all(workers.map(({ listening }) => listening));
    const admin = await startAdminServer({ ...settings.admin, ...view });
    return { reload, stop: (cut) => stopAll(cut).finally(() => admin.close()) };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Standard error is shared: every line of the log is written whole. */
function forkWorker(file: string, number: number): ChildProcess {
  return fork(WORKER_MAIN, [file, String(number)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
}

async function stopWorkers(
  workers: readonly Worker[],
  limitMilliseconds: number,
  cut: AbortSignal | undefined,
): Promise<void> {
  cut?.addEventListener('abort', () => workers.forEach((worker) => worker.signal('SIGTERM')));
  const limit = setTimeout(() => workers.forEach((worker) => worker.signal('SIGKILL')), limitMilliseconds);
  for (const worker of workers) worker.stop();
  await Promise.all(workers.map(({ gone }) => gone));
  clearTimeout(limit);
}
