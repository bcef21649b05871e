/** The parts around a reload: the watch over the files, the log, the metrics, and what is told of it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { configurationChanges } from '../../config/configuration-changes.js';
import type { FileStates } from '../../config/settings.js';
import { FileWatch } from '../../config/files/watch.js';
import type { ReloadAnswer } from '../../observability/admin-server.js';
import { ReloadLog } from '../../observability/reload-log.js';
import type { ConfigurationFiles } from './judged-files.js';
import type { LiveConfiguration } from './live-configuration.js';
import { Reloader, type ReloadCause, type ReloadOutcome } from './reload.js';
import { systemClock as clock } from '../system-clock.js';

/** What reloading is made of. */
export interface ReloadingOptions {
  readonly live: LiveConfiguration;
  readonly files: ConfigurationFiles;
  /** Of the start. */
  readonly fileStates: FileStates;
  readonly registry: Registry;
  readonly logger: Logger;
}

/** A configuration that follows its files. */
export interface Reloading {
  readonly log: ReloadLog;
  readonly reload: (cause: ReloadCause) => Promise<ReloadOutcome>;
  /** For `POST /reload`. */
  readonly answer: () => Promise<ReloadAnswer>;
  close(): void;
}

/** Watches the files from now on. */
export function startReloading({ live, files, fileStates, registry, logger }: ReloadingOptions): Reloading {
  const log = new ReloadLog(registry, clock.nowMs);
  let former = live.current;
  let changes: readonly string[] = [];
  const watch = new FileWatch({ onChange: () => void run('file') });
  const reloader = new Reloader({
    live,
    files,
    monotonicMs: clock.monotonicMs,
    onLoaded: (loaded) => (loaded === undefined ? watch.followAsSeen() : watch.follow(loaded)),
    onOutcome: async (outcome, causes) => {
      const problems = outcome.kind === 'refused' ? outcome.problems : [];
      changes = await configurationChanges(former, live.current, nextTurn);
      former = live.current;
      log.note({ kind: outcome.kind, causes: [...causes], problems, changes });
      if (outcome.kind === 'applied') logger.level = live.current.settings.log.level;
      tell(logger, outcome, causes, changes);
    },
  });
  const run = (cause: ReloadCause): Promise<ReloadOutcome | undefined> =>
    reloader.reload(cause).catch((error: unknown) => {
      logger.error({ err: error }, 'a reload failed by a defect');
      return undefined;
    });
  watch.follow(fileStates);
  return {
    log,
    reload: (cause) => reloader.reload(cause),
    answer: async () => answerOf(await reloader.reload('request'), changes),
    close: () => watch.close(),
  };
}

function tell(
  logger: Logger,
  outcome: ReloadOutcome,
  causes: ReadonlySet<ReloadCause>,
  changes: readonly string[],
): void {
  const by = [...causes];
  if (outcome.kind === 'refused') {
    for (const problem of outcome.problems) logger.error({ problem }, 'not reloaded');
    logger.error({ causes: by }, 'the reload was refused; the configuration before it stays in force');
    return;
  }
  for (const warning of outcome.warnings) logger.warn(warning);
  logger.info({ causes: by, generation: outcome.generation, changes }, 'reloaded');
}

/** A reload that is refused has changed nothing. */
function answerOf(outcome: ReloadOutcome, changes: readonly string[]): ReloadAnswer {
  const { kind, ...body } = outcome;
  const applied = kind === 'applied';
  return { applied, body: { outcome: kind, ...body, ...(applied && { changes }) } };
}
