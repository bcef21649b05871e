/** `countersign serve`: load, prove the arithmetic, start, and stop on a signal. */
import { pino, type Logger } from 'pino';
import { loadConfiguration } from '../config/load.js';
import { renderProblems } from '../config/render.js';
import { selectEngine } from '../crypto/engines.js';
import { selfTest } from '../crypto/self-test.js';
import { startVerifier } from './verifier.js';

/** Exit codes, as `countersign --help` documents them. */
const GOOD = 0;
const CANNOT = 3;

const FIRST_GENERATION = 1;
/** Node 20 works and is past its end of life (security.md MUST 38). */
const OLDEST_MAINTAINED_NODE = 22;

/** Serves until SIGTERM or SIGINT. Resolves with the exit code; problems go to standard error in plain words. */
export async function serve(file: string): Promise<number> {
  const loaded = loadConfiguration(file, { generation: FIRST_GENERATION, nowMs: Date.now() });
  if (!loaded.ok) {
    process.stderr.write(`${renderProblems(loaded.problems)}\n`);
    return CANNOT;
  }
  const { configuration } = loaded;
  const logger = pino({ level: configuration.settings.log.level, name: 'countersign' }, pino.destination(2));
  warnOfOldNode(logger);
  const engine = selectEngine();
  const tested = selfTest([engine]);
  if (!tested.ok) {
    logger.fatal({ engine: tested.engine, case: tested.case }, 'the Ed25519 self-test failed');
    return CANNOT;
  }
  for (const { path, message } of configuration.warnings) logger.warn({ path }, message);
  try {
    const verifier = await startVerifier(configuration, logger);
    logger.info({ socket: configuration.settings.listen.socketPath, engine: engine.name }, 'serving');
    const signal = await stopSignal();
    logger.info({ signal }, 'draining');
    await verifier.stop();
    logger.info('stopped');
    return GOOD;
  } catch (error) {
    logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'cannot serve');
    return CANNOT;
  }
}

function warnOfOldNode(logger: Logger): void {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_MAINTAINED_NODE) return;
  logger.warn(
    { node: process.versions.node },
    'Node 20 reached its end of life on 2026-04-30: run a maintained LTS',
  );
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve(signal));
  });
}
