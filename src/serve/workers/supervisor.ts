/**
 * The supervisor of several workers. It judges no request itself: it starts them, loads the configuration for all of
 * them, replaces those that die, passes signals on, and shows them all on the one admin port. A worker whose
 * supervisor is gone drains and ends.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Configuration } from '../../config/settings.js';
import type { SharedConfiguration } from './shared-configuration.js';
import { openWhenFree, takeOverWhenHealthy } from '../lifecycle.js';
import { openPorts } from '../ports.js';
import { openSealedLog, recordLogFaults, type SealedLog } from '../audit-log.js';
import type { KeyRotation } from '../rotation/key-rotation.js';
import { recordRotation } from '../rotation/tell-rotation.js';
import type { RunningVerifier } from '../verifier.js';
import { Worker } from './worker.js';
import { searchOf } from '../services.js';
import { healthOfEach, pageOfWorkers, supervisorView, type SupervisorView } from './supervisor-view.js';

const WORKER_MAIN = fileURLToPath(new URL('worker-main.js', import.meta.url));
/** What a worker may take on top of draining, to flush and to close. */
const CLOSING_MILLISECONDS = 5_000;
/** Successors take all sockets at once; workers that have none, as there are fewer successors, end after that. */
const TAKEOVER_MILLISECONDS = 2_000;

/** How workers are started. */
interface WorkersOptions {
  /** Beside those of another supervisor, whose sockets they take once each of them is healthy. */
  readonly replace?: boolean | undefined;
  /** Lines of the supervisor's log that could not be written. Default: none. */
  readonly lostLogLines?: (() => number) | undefined;
  /** What workers start with and reload. Default: nothing is handed to them. */
  readonly files?: SharedConfiguration | undefined;
  /** Feedback keys on schedule, which the supervisor keeps. */
  readonly rotation?: KeyRotation | undefined;
  /** Makes the process of a worker. */
  readonly start?: typeof forkWorker;
}

/** Starts the workers of the settings; resolves when all of them listen. Rejects with a sentence when one cannot. */
export async function startWorkers(
  configuration: Configuration,
  logger: Logger,
  { replace = false, start = forkWorker, files, lostLogLines, rotation }: WorkersOptions = {},
): Promise<RunningVerifier> {
  // Before the workers open their writers; it seals what they have left when they are gone.
  const sealed = await openSealedWithFaults(configuration, logger, rotation);
  const options = { replace, start, files, lostLogLines, sealed, rotation };
  const supervisor = new Supervisor(configuration, logger, options);
  await supervisor.start();
  return supervisor;
}

/** The log, and in it what becomes of itself and of keys on schedule. */
async function openSealedWithFaults(
  configuration: Configuration,
  logger: Logger,
  rotation: KeyRotation | undefined,
): Promise<SealedLog | undefined> {
  const sealed = await openSealedLog(configuration, logger);
  if (sealed === undefined) return undefined;
  try {
    const endRecords = recordLogFaults(configuration.settings.audit, sealed, (life) =>
      rotation?.status.onEvent((event) => recordRotation(event, life)),
    );
    return { ...sealed, close: () => endRecords().then(() => sealed.close()) };
  } catch (error) {
    await sealed.close();
    throw error;
  }
}

type SupervisorOptions = WorkersOptions &
  Required<Pick<WorkersOptions, 'start'>> & { readonly sealed: SealedLog | undefined };

class Supervisor implements RunningVerifier {
  /** Resolves when successors have the sockets. */
  readonly superseded: Promise<void>;
  readonly #configuration: Configuration;
  readonly #logger: Logger;
  readonly #workers: readonly Worker[];
  readonly #view: SupervisorView;
  readonly #stopping = new AbortController();
  readonly #replace: boolean;
  readonly #sealed: SealedLog | undefined;
  #hasTakenOver = false;
  #isSuperseded = false;
  #admin: Promise<{ close(): unknown } | undefined> = Promise.resolve(undefined);

  constructor(
    configuration: Configuration,
    logger: Logger,
    { replace, start, files, lostLogLines = () => 0, sealed, rotation }: SupervisorOptions,
  ) {
    this.#configuration = configuration;
    this.#logger = logger;
    this.#replace = replace === true;
    this.#sealed = sealed;
    // A socket that was taken over is our own: what replaces a dead worker need not wait for it.
    const fork = (number: number): ChildProcess =>
      start(configuration.file, number, this.#replace && !this.#hasTakenOver);
    this.#workers = Array.from(
      { length: configuration.settings.workers },
      (_, number) =>
        new Worker({
          number,
          fork: () => fork(number),
          logger,
          files,
          onState: () => this.#shareTold(),
          onDeath: () => this.#view.died(number),
        }),
    );
    this.#view = supervisorView(this.#workers, { lostLogLines, sealed, rotation: rotation?.status });
    this.superseded = this.#whenSuperseded();
  }

  /** Resolves when all workers listen; rejects with a sentence, and leaves nothing behind, when one cannot. */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#workers.map(({ listening }) => listening));
      if (this.#replace) this.#replaceOther();
      else this.#admin = Promise.resolve(await this.#openAdmin());
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Nothing here: SIGHUP is passed on to the workers, who have the audit file. */
  readonly reopenLogs = (): void => undefined;

  readonly reload = (): Promise<void> => {
    for (const worker of this.#workers) worker.signal('SIGHUP');
    return Promise.resolve();
  };

  async stop(cut?: AbortSignal): Promise<void> {
    this.#stopping.abort();
    if (!this.#isSuperseded) this.#view.health.drain();
    const { drainMilliseconds } = this.#configuration.settings.limits;
    await stopWorkers(this.#workers, drainMilliseconds + CLOSING_MILLISECONDS, cut);
    await this.#sealed?.close();
    (await this.#admin)?.close();
  }

  /** Envoy opens a stream to whom it likes, and any worker may get the copy of an allow of another. */
  #shareTold(): void {
    const isTold = this.#workers.some(({ state }) => state?.isTold === true);
    for (const worker of this.#workers) worker.tell(isTold);
  }

  /** Takes the sockets of another supervisor's workers, all at once, and the admin port when it has left that. */
  #replaceOther(): void {
    const { signal } = this.#stopping;
    this.#admin = openWhenFree(() => this.#openAdmin(), signal, this.#logger);
    void takeOverWhenHealthy(this, healthOfEach(this.#workers), this.#logger, signal);
  }

  /** For `takeOverWhenHealthy`. */
  takeOver(): void {
    this.#hasTakenOver = true;
    for (const worker of this.#workers) worker.takeOver();
  }

  async #whenSuperseded(): Promise<void> {
    const all = this.#workers.map(({ superseded }) => superseded);
    await Promise.race(all);
    await Promise.race([Promise.all(all), sleep(TAKEOVER_MILLISECONDS, undefined, { ref: false })]);
    this.#isSuperseded = true;
  }

  #openAdmin(): ReturnType<typeof openPorts> {
    const { settings } = this.#configuration;
    const page = { source: pageOfWorkers(this.#workers), search: searchOf(settings) };
    return openPorts(settings, { ...this.#view, page });
  }
}

/**
 * Given the configuration's file, the worker's number, and whether it leaves the socket to whoever has it until it is
 * told to take it. The standard streams are shared: every line is written whole.
 */
function forkWorker(file: string, number: number, replace: boolean): ChildProcess {
  return fork(WORKER_MAIN, [file, String(number), ...(replace ? ['replace'] : [])], {
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
