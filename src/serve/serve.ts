/** `countersign serve`: load, prove the arithmetic, start, and stop on a signal. */
import type { Logger } from 'pino';
import { unpackConfiguration, wipePacked, type PackedConfiguration } from '../config/packed-configuration.js';
import type { Configuration } from '../config/settings.js';
import { engineInUse } from '../crypto/engines.js';
import { selfTest } from '../crypto/self-test.js';
import { openLog } from '../observability/logger.js';
import type { ConfigurationSource, LoadedFiles } from './reload/load-files.js';
import { LoadThread } from './reload/load-thread.js';
import { SharedConfiguration } from './workers/shared-configuration.js';
import { checkTakeover } from './lifecycle.js';
import { KeyRotation } from './rotation/key-rotation.js';
import { logRotation } from './rotation/tell-rotation.js';
import { startVerifier, type RunningVerifier, type StartOptions } from './verifier.js';
import { workerRole } from './workers/supervisor-link.js';
import { startWorkers } from './workers/supervisor.js';

/** Exit codes, as `countersign --help` documents them. */
const GOOD = 0;
const CANNOT = 3;

const FIRST_GENERATION = 1;
/** Node 20 works and is past its end of life (docs/security-requirements.md#38). */
const OLDEST_MAINTAINED_NODE = 22;
/**
 * As Node has it by itself from 26.3 on. A check takes a few short buffers, and with pools of 8 KiB making these pools is
 * what costs (docs/performance.md).
 */
const BUFFER_POOL_BYTES = 65_536;

/** How it is served. */
export interface ServeOptions {
  /** Set in a worker, which its supervisor started. */
  readonly worker?: {
    /** Counted from 0. */
    readonly number: number;
    /** Of the supervisor, which gives the last good configuration first, whatever is in the files. */
    readonly files: ConfigurationSource;
  };
  /** Start beside the process that serves the socket now, and take it over once healthy. */
  readonly replace?: boolean;
}

/**
 * Serves until SIGTERM or SIGINT, a second of which cuts the drain short, or until a successor has taken the socket.
 * SIGHUP is a reload, and opens the audit file anew. Resolves with the exit code; problems go to standard error in plain words.
 */
export async function serve(file: string, options: ServeOptions = {}): Promise<number> {
  const signals = new ProcessSignals();
  const thread = new LoadThread(file);
  const rotation = new KeyRotation({ files: thread });
  try {
    const files = options.worker?.files ?? rotation;
    const {
      problems = [],
      parts = [],
      generation = FIRST_GENERATION,
    } = files === rotation ? await loadRotated(rotation) : await files.load();
    const { configuration, fileStates } = await unpackConfiguration(parts, generation, AT_ONCE);
    if (configuration !== undefined)
      return await serveConfiguration(
        configuration,
        { ...options, files, fileStates, parts, rotation: files === rotation ? rotation : undefined },
        signals,
      );
    process.stderr.write(`${problems.join('\n')}\n`);
    return CANNOT;
  } finally {
    rotation.close();
    await thread.close();
  }
}

/** The files, once the feedback keys are there that a schedule owes them. */
async function loadRotated(rotation: KeyRotation): Promise<LoadedFiles> {
  // A thread that has loaded once keeps no process alive.
  const alive = setInterval(() => undefined, KEEP_ALIVE_MILLISECONDS);
  try {
    const first = await rotation.load();
    if (first.problems !== undefined || !(await rotation.begin())) return first;
    wipePacked(first.parts ?? []);
    const second = await rotation.load();
    if (second.problems === undefined) rotation.began();
    return second;
  } finally {
    clearInterval(alive);
  }
}

const KEEP_ALIVE_MILLISECONDS = 1_000;

/** Before anything is served there is nothing to be held up. */
const AT_ONCE = (): Promise<void> => Promise.resolve();

/** What is served, and how. */
type Served = ServeOptions &
  Pick<StartOptions, 'files' | 'fileStates' | 'rotation'> & { readonly parts: PackedConfiguration };

async function serveConfiguration(
  configuration: Configuration,
  served: Served,
  signals: ProcessSignals,
): Promise<number> {
  const { settings, warnings } = configuration;
  Buffer.poolSize = BUFFER_POOL_BYTES;
  const { logger, lostLines } = openLog(settings.log.level, served.worker?.number);
  warnOfOldNode(logger);
  warnOfCarelessEnvironment(logger);
  const { engine, notes } = engineInUse();
  const tested = selfTest([engine]);
  if (!tested.ok) {
    logger.fatal({ engine: tested.engine, case: tested.case }, 'the Ed25519 self-test failed');
    return CANNOT;
  }
  for (const note of notes) logger.warn({ engine: engine.name }, note);
  for (const { path, message } of warnings) logger.warn({ path }, message);
  served.rotation?.status.onEvent((event) => logRotation(event, logger));
  try {
    const verifier = await start(configuration, logger, { ...served, lostLogLines: lostLines });
    logger.info({ socket: settings.listen.socketPath, engine: engine.name }, 'serving');
    await untilStopped(verifier, signals, logger);
    return GOOD;
  } catch (error) {
    logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot serve');
    return CANNOT;
  }
}

async function untilStopped(
  verifier: RunningVerifier,
  signals: ProcessSignals,
  logger: Logger,
): Promise<void> {
  signals.onHangup(() => {
    verifier.reopenLogs();
    void verifier.reload('signal');
  });
  // Whoever was superseded has nothing left to wait for: its peers are on their way to the successor.
  const superseded = verifier.superseded.then(() => 'a successor has taken the socket');
  const signal = await Promise.race([signals.stop, superseded]);
  logger.info({ signal }, 'draining');
  await verifier.stop(signals.cut);
  logger.info('stopped');
}

function start(
  configuration: Configuration,
  logger: Logger,
  { worker, parts, ...options }: Served & Pick<StartOptions, 'lostLogLines'>,
): Promise<RunningVerifier> {
  const isSupervisor = worker === undefined && configuration.settings.workers > 1;
  if (isSupervisor) {
    if (options.replace === true) checkTakeover(configuration);
    const files = new SharedConfiguration(options.files, parts);
    const { replace, lostLogLines, rotation } = options;
    return startWorkers(configuration, logger, { replace, files, lostLogLines, rotation });
  }
  wipePacked(parts);
  if (worker === undefined) return startVerifier(configuration, logger, options);
  return startVerifier(configuration, logger, {
    ...options,
    role: workerRole(configuration, worker.number),
  });
}

function warnOfOldNode(logger: Logger): void {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_MAINTAINED_NODE) return;
  logger.warn(
    { node: process.versions.node },
    'Node 20 reached its end of life on 2026-04-30: run a maintained LTS',
  );
}

/** Node itself says that its connections are insecure now; ours are not (docs/security-requirements.md#45). */
function warnOfCarelessEnvironment(logger: Logger): void {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return;
  logger.warn(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 is set: servers are verified all the same; unset it, and name their authority',
  );
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Listens from its making on: as the first process of a container there is no default for these signals. */
/** What a serving process is told from outside: to stop, to stop at once, to read its files again. */
class ProcessSignals {
  /** Resolves with the first signal to stop. */
  readonly stop: Promise<string>;
  /** Aborted by the second: whoever sends it does not want to wait for the drain. */
  readonly cut: AbortSignal;
  #hangup: () => void = () => undefined;
  #hasHungUp = false;

  constructor() {
    const cut = new AbortController();
    this.cut = cut.signal;
    let told = false;
    this.stop = new Promise((resolve) => {
      for (const signal of STOP_SIGNALS)
        process.on(signal, () => {
          if (told) cut.abort();
          told = true;
          resolve(signal);
        });
      // Of a worker: nobody watches it or shows its metrics any more.
      process.once('disconnect', () => resolve('the supervisor is gone'));
    });
    process.on('SIGHUP', () => {
      this.#hasHungUp = true;
      this.#hangup();
    });
  }

  /** Calls it for each SIGHUP from now on, and once for those that came before. */
  onHangup(reload: () => void): void {
    this.#hangup = reload;
    if (this.#hasHungUp) reload();
  }
}
