/** `countersign serve`: load, prove the arithmetic, start, and stop on a signal. */
import { isatty } from 'node:tty';
import { pino, type Logger } from 'pino';
import { loadConfiguration } from '../config/load.js';
import { PublicKeyCache } from '../config/public-key-cache.js';
import type { Configuration, LoadResult } from '../config/settings.js';
import { renderProblems } from '../config/render.js';
import { selectEngine } from '../crypto/engines.js';
import { selfTest } from '../crypto/self-test.js';
import { readableLine } from '../observability/readable-line.js';
import { workerPlace } from './place.js';
import { ProcessSignals } from './process-signals.js';
import { checkSuccession } from './succession.js';
import { startVerifier, type RunningVerifier, type StartOptions } from './verifier.js';
import { startWorkers } from './workers.js';

/** Exit codes, as `countersign --help` documents them. */
const GOOD = 0;
const CANNOT = 3;

const STANDARD_ERROR = 2;

const FIRST_GENERATION = 1;
/** Node 20 works and is past its end of life (security.md MUST 38). */
const OLDEST_MAINTAINED_NODE = 22;

/** How it is served. */
export interface ServeOptions {
  /** Set in a worker, which its supervisor started: its number, counted from 0. */
  readonly worker?: number;
  /** Start beside the process that serves the socket now, and take it over once healthy. */
  readonly replace?: boolean;
}

/**
 * Serves until SIGTERM or SIGINT, a second of which cuts the drain short, or until a successor has taken the socket.
 * SIGHUP is a reload. Resolves with the exit code; problems go to standard error in plain words.
 */
export async function serve(file: string, options: ServeOptions = {}): Promise<number> {
  const { worker } = options;
  const signals = new ProcessSignals();
  const load = loaderOf(file);
  const loaded = load(FIRST_GENERATION);
  if (!loaded.ok) {
    process.stderr.write(`${renderProblems(loaded.problems)}\n`);
    return CANNOT;
  }
  const { configuration } = loaded;
  const logger = loggerOf(configuration, worker);
  warnOfOldNode(logger);
  const engine = selectEngine();
  const tested = selfTest([engine]);
  if (!tested.ok) {
    logger.fatal({ engine: tested.engine, case: tested.case }, 'the Ed25519 self-test failed');
    return CANNOT;
  }
  for (const { path, message } of configuration.warnings) logger.warn({ path }, message);
  try {
    const verifier = await start(configuration, logger, { ...options, load, prints: loaded.prints });
    logger.info({ socket: configuration.settings.listen.socketPath, engine: engine.name }, 'serving');
    signals.onHangup(() => void verifier.reload?.('signal'));
    const signal = await Promise.race([signals.stop, ...successionOf(verifier)]);
    logger.info({ signal }, 'draining');
    await verifier.stop(signals.cut);
    logger.info('stopped');
    return GOOD;
  } catch (error) {
    logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot serve');
    return CANNOT;
  }
}

function loggerOf({ settings }: Configuration, worker: number | undefined): Logger {
  const records = pino.destination(STANDARD_ERROR);
  const lines = { write: (record: string) => records.write(readableLine(record)) };
  const target = isatty(STANDARD_ERROR) ? lines : records;
  const logger = pino({ level: settings.log.level, name: 'countersign' }, target);
  return worker === undefined ? logger : logger.child({ worker });
}

/** Loads one file again and again: what was judged about its keys is remembered from load to load. */
function loaderOf(file: string): (generation: number) => LoadResult {
  const publicKeys = new PublicKeyCache();
  return (generation) => loadConfiguration(file, { generation, nowMs: Date.now(), publicKeys });
}

function start(
  configuration: Configuration,
  logger: Logger,
  { worker, ...options }: ServeOptions & Pick<StartOptions, 'load' | 'prints'>,
): Promise<RunningVerifier> {
  if (worker !== undefined)
    return startVerifier(configuration, logger, { ...options, place: workerPlace(configuration, worker) });
  if (configuration.settings.workers === 1) return startVerifier(configuration, logger, options);
  if (options.replace === true) checkSuccession(configuration);
  return startWorkers(configuration, logger, { replace: options.replace });
}

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
