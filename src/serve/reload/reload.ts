/**
 * Reloads: a changed configuration is loaded and tested elsewhere, made ready in pieces while requests are judged, and
 * then put in force by one assignment, whole or not at all. Whatever is wrong with it, the last good one stays. The
 * files are watched, and what became of each reload is logged and counted.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import {
  unpackConfiguration,
  wipePacked,
  type PackedConfiguration,
} from '../../config/packed-configuration.js';
import { settingsThatNeedRestart } from '../../config/restart-settings.js';
import type { Configuration, FileStates } from '../../config/settings.js';
import type { ConfigurationSource } from './load-files.js';
import { wipeFeedbackKeys, type LiveConfiguration } from './live-configuration.js';
import { configurationChanges } from '../../config/configuration-changes.js';
import { FileWatch } from '../../config/files/watch.js';
import type { ReloadAnswer } from '../../observability/admin-server.js';
import { ReloadLog } from '../../observability/reload-log.js';
import { systemClock as clock } from '../clocks.js';
import type { LifeRecords } from '../life-records.js';

/** Who asked: a file that changed, SIGHUP, or `POST /reload`. */
export type ReloadCause = 'file' | 'signal' | 'request';

/** What became of a reload. The problems are sentences for whoever wrote the files; they hold no secret. */
export type ReloadOutcome =
  | {
      readonly kind: 'applied';
      readonly generation: number;
      readonly warnings: readonly string[];
      /** What is different now, by name. */
      readonly changes: readonly string[];
    }
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Everything that a reload works with; all of it is passed in. */
interface ReloadOptions {
  readonly live: LiveConfiguration;
  /** Those of the start. */
  readonly files: ConfigurationSource;
  /**
   * What the files looked like; called after each load, good or bad, so that the next change is noticed. Undefined when
   * the load came to no end: it is not to be tried again before they change.
   */
  readonly onLoaded: (fileStates: FileStates | undefined) => void;
  /** Called for each reload that ran; `causes` are of all that were answered by it. */
  readonly onOutcome: (outcome: ReloadOutcome, causes: readonly ReloadCause[]) => void;
}

/** A load keeps a processor to itself, so a storm of them is let at it for half of the time. */
const REST_PER_LOAD = 1;

export class Reloader {
  readonly #options: ReloadOptions;
  #running: Promise<ReloadOutcome> | undefined;
  #next: Promise<ReloadOutcome> | undefined;
  #causes = new Set<ReloadCause>();
  #restUntilMs = 0;

  constructor(options: ReloadOptions) {
    this.#options = options;
  }

  /**
   * Loads what is in the files from now on. However often it is called while one load is under way, only one more
   * follows, which all those callers are answered by. Rejects only for a defect.
   */
  reload(cause: ReloadCause): Promise<ReloadOutcome> {
    this.#causes.add(cause);
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  async #after(running: Promise<ReloadOutcome> | undefined): Promise<ReloadOutcome> {
    await running?.catch(() => undefined);
    await sleep(Math.max(0, this.#restUntilMs - clock.monotonicMs()));
    // Begun in a turn of its own, so that whoever asks from its first moment on is answered by the next one.
    this.#running = Promise.resolve().then(() => this.#run());
    this.#next = undefined;
    return this.#running;
  }

  async #run(): Promise<ReloadOutcome> {
    const causes = [...this.#causes];
    this.#causes = new Set();
    const outcome = await this.#load();
    this.#options.onOutcome(outcome, causes);
    return outcome;
  }

  async #load(): Promise<ReloadOutcome> {
    const { files, live, onLoaded } = this.#options;
    const startedMs = clock.monotonicMs();
    const { problems, parts } = await files.load();
    const { configuration, fileStates } = await unpack(parts, live.snapshot.generation + 1);
    const endedMs = clock.monotonicMs();
    this.#restUntilMs = endedMs + REST_PER_LOAD * (endedMs - startedMs);
    onLoaded(fileStates);
    if (problems !== undefined || configuration === undefined) return refused(problems ?? []);
    const fixed = settingsThatNeedRestart(live.started, configuration);
    if (fixed.length > 0) {
      wipeFeedbackKeys(configuration.snapshot);
      return refused(
        fixed.map((place) => `${place}: needs a restart; everything stays as it was until then`),
      );
    }
    const former = live.loaded;
    live.swap(configuration);
    files.applied?.();
    const changes = await configurationChanges(former, configuration, nextTurn);
    const { generation } = configuration.snapshot;
    return { kind: 'applied', generation, warnings: warningsOf(configuration), changes };
  }
}

function warningsOf({ warnings }: Configuration): readonly string[] {
  return warnings.map(({ path, message }) => `${path}: ${message}`);
}

async function unpack(
  parts: PackedConfiguration | undefined,
  generation: number,
): Promise<{ readonly configuration?: Configuration | undefined; readonly fileStates?: FileStates }> {
  if (parts === undefined) return {};
  try {
    return await unpackConfiguration(parts, generation, nextTurn);
  } finally {
    wipePacked(parts);
  }
}

function refused(problems: readonly string[]): Extract<ReloadOutcome, { kind: 'refused' }> {
  return { kind: 'refused', problems };
}

/** What reloading is made of. */
interface ReloadingOptions {
  readonly live: LiveConfiguration;
  readonly files: ConfigurationSource;
  /** Of the start. */
  readonly fileStates: FileStates;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly life: Pick<LifeRecords, 'reloaded' | 'refused'>;
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
export function startReloading(options: ReloadingOptions): Reloading {
  const { live, files, fileStates, registry, logger, life } = options;
  const log = new ReloadLog(registry, clock.nowMs);
  let former = live.loaded;
  const watch = new FileWatch({ onChange: () => void run('file') });
  const reloader = new Reloader({
    live,
    files,
    onLoaded: (loaded) => (loaded === undefined ? watch.followAsSeen() : watch.follow(loaded)),
    onOutcome: (outcome, causes) => {
      log.note({ problems: [], ...outcome, causes });
      if (outcome.kind === 'applied') logger.level = live.current.settings.log.level;
      tell(logger, outcome, causes, warningsOf(former));
      if (outcome.kind === 'refused') life.refused(outcome.problems, causes);
      else void life.reloaded(outcome, causes, [former, live.loaded]);
      former = live.loaded;
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
    answer: async () => {
      const { kind, ...body } = await reloader.reload('request');
      return { applied: kind === 'applied', body: { outcome: kind, ...body } };
    },
    close: () => watch.close(),
  };
}

/** Warnings of the configuration before (`toldBefore`) are not repeated. */
function tell(
  logger: Logger,
  outcome: ReloadOutcome,
  causes: readonly ReloadCause[],
  toldBefore: readonly string[],
): void {
  if (outcome.kind === 'refused') {
    for (const problem of outcome.problems) logger.error({ problem }, 'not reloaded');
    logger.error({ causes }, 'the reload was refused; the configuration before it stays in force');
    return;
  }
  const { generation, warnings, changes } = outcome;
  const told = new Set(toldBefore);
  for (const warning of warnings) if (!told.has(warning)) logger.warn(warning);
  logger.info({ causes, generation, changes }, 'reloaded');
}
