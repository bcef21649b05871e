/** `countersign serve`: load, prove the arithmetic, start, and stop on a signal. */
import { isatty } from 'node:tty';
import { pino, type Logger } from 'pino';
import { unpackConfiguration, wipeHandOver, type HandOver } from '../config/hand-over.js';
import type { Configuration } from '../config/settings.js';
import { selectEngine } from '../crypto/engines.js';
import { selfTest } from '../crypto/self-test.js';
import { LogDestination } from '../observability/log-destination.js';
import { readableLine } from '../observability/readable-line.js';
import type { ConfigurationFiles } from './reload/judged-files.js';
import { LoadThread } from './reload/load-thread.js';
import { workerPlace } from './place.js';
import { ProcessSignals } from './process-signals.js';
import { SharedFiles } from './workers/shared-files.js';
import { checkSuccession } from './succession.js';
import { startVerifier, type RunningVerifier, type StartOptions } from './verifier.js';
import { startWorkers } from './workers/workers.js';

/** Exit codes, as `countersign --help` documents them. */
const GOOD = 0;
const CANNOT = 3;

const STANDARD_ERROR = 2;

const FIRST_GENERATION = 1;
/** Node 20 works and is past its end of life (docs/security-requirements.md#38). */
const OLDEST_MAINTAINED_NODE = 22;

/** How it is served. */
export interface ServeOptions {
  /** Set in a worker, which its supervisor started. */
  readonly worker?: {
    /** Counted from 0. */
    readonly number: number;
    /** Of the supervisor, which gives the last good configuration first, whatever is in the files. */
    readonly files: ConfigurationFiles;
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
  const files = options.worker?.files ?? thread;
  const { problems, parts = [], generation = FIRST_GENERATION } = await files.load();
  const { configuration, fileStates } = await unpackConfiguration(parts, generation, AT_ONCE);
  if (configuration === undefined) {
    process.stderr.write(`${(problems ?? []).join('\n')}\n`);
    return CANNOT;
  }
  const destination = new LogDestination({ lossLine });
  const logger = loggerOf(configuration, options.worker?.number, destination);
  warnOfOldNode(logger);
  warnOfCarelessEnvironment(logger);
  const engine = selectEngine();
  const tested = selfTest([engine]);
  if (!tested.ok) {
    logger.fatal({ engine: tested.engine, case: tested.case }, 'the Ed25519 self-test failed');
    return CANNOT;
  }
  for (const { path, message } of configuration.warnings) logger.warn({ path }, message);
  try {
    const lostLogLines = (): number => destination.lostLines;
    const verifier = await start(configuration, logger, {
      ...options,
      files,
      fileStates,
      parts,
      lostLogLines,
    });
    logger.info({ socket: configuration.settings.listen.socketPath, engine: engine.name }, 'serving');
    signals.onHangup(() => {
      verifier.reopenLogs?.();
      void verifier.reload?.('signal');
    });
    const signal = await Promise.race([signals.stop, ...successionOf(verifier)]);
    logger.info({ signal }, 'draining');
    await verifier.stop(signals.cut);
    logger.info('stopped');
    return GOOD;
  } catch (error) {
    logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot serve');
    return CANNOT;
  } finally {
    await thread.close();
  }
}

/** Before anything is served there is nothing to be held up. */
const AT_ONCE = (): Promise<void> => Promise.resolve();

function loggerOf(
  { settings }: Configuration,
  worker: number | undefined,
  destination: LogDestination,
): Logger {
  const lines = { write: (record: string) => destination.write(readableLine(record)) };
  const target = isatty(STANDARD_ERROR) ? lines : destination;
  const logger = pino({ level: settings.log.level, name: 'countersign' }, target);
  return worker === undefined ? logger : logger.child({ worker });
}

/** As the logger writes its warnings. */
function lossLine(lostLines: number): string {
  const warning = {
    level: pino.levels.values['warn'],
    time: Date.now(),
    pid: process.pid,
    name: 'countersign',
  };
  return `${JSON.stringify({ ...warning, lost_lines: lostLines, msg: 'lines of this log could not be written' })}\n`;
}

function start(
  configuration: Configuration,
  logger: Logger,
  { worker, parts, ...options }: ServeOptions & Served,
): Promise<RunningVerifier> {
  const isSupervisor = worker === undefined && configuration.settings.workers > 1;
  if (isSupervisor) {
    if (options.replace === true) checkSuccession(configuration);
    const files = new SharedFiles(options.files, parts);
    const { replace, lostLogLines } = options;
    return startWorkers(configuration, logger, { replace, files, lostLogLines });
  }
  wipeHandOver(parts);
  if (worker === undefined) return startVerifier(configuration, logger, options);
  return startVerifier(configuration, logger, {
    ...options,
    place: workerPlace(configuration, worker.number),
  });
}

/** What is served. */
type Served = Required<Pick<StartOptions, 'files' | 'fileStates' | 'lostLogLines'>> & {
  readonly parts: HandOver;
};

/** Whoever was succeeded has nothing left to wait for: its peers are on their way to the successor. */
function successionOf({ superseded }: RunningVerifier): Promise<string>[] {
  return superseded === undefined ? [] : [superseded.then(() => 'a successor has taken the socket')];
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
