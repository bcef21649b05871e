/**
 * The log that proves itself, as a process keeps it: one process of a machine prepares it and seals (the supervisor, or
 * a verifier that is alone), every one that serves appends to a write-ahead file of its own. Only who seals has the key.
 */
import type { Logger } from 'pino';
import type { AuditLog } from '../audit/audit-log.js';
import { BatchedLog } from '../audit/batched-log.js';
import { prepareLog } from '../audit/log/prepare.js';
import { startSequencer, type SequencerOptions } from '../audit/log/sequencer.js';
import { openWriteAhead } from '../audit/log/write-ahead.js';
import { PairedLog } from '../audit/paired-log.js';
import { gapLine } from '../audit/record.js';
import { openFileWriter, openStdoutWriter } from '../audit/writers.js';
import { loadPrivateKeyFile } from '../config/files/private-key-file.js';
import type { AuditLogSettings, AuditSettings, Configuration } from '../config/settings.js';
import { equalBytes } from '../crypto/bytes.js';
import { zeroize, type PrivateKey } from '../crypto/private-key.js';
import type { AuditLogLook } from '../observability/audit-log-view.js';
import { systemClock as clock } from './clocks.js';
import { AuditLogReport } from './audit-log-report.js';
import { companionsOf } from './holders/companions.js';
import { LifeRecords } from './life-records.js';

/** The log while this process seals it. */
export interface SealedLog extends AuditLogLook {
  /** Seals what is left; to be called when every writer that this process knows of has closed. Does not reject. */
  close(): Promise<void>;
}

/**
 * Makes the log of the settings, or judges the one that is there, and begins to seal; undefined where none is kept. To
 * be called before any writer is opened. Throws a sentence with path and remedy when the log cannot be gone on with.
 */
export async function openSealedLog(
  { settings }: Configuration,
  logger: Logger,
): Promise<SealedLog | undefined> {
  const { log, otlp } = settings.audit;
  if (log === undefined) return undefined;
  const { directory, origin, retentionDays } = log;
  const key = readLogKey(log);
  const prepared = await prepareLog({ directory, origin, key });
  const { secret } = key;
  const report: SequencerOptions['report'] = (level, message, members = {}) =>
    logger[level](members, message);
  const companions = companionsOf(log, otlp);
  const options = { ...prepared, secret, retentionDays, companions, report };
  const sequencer = startSequencer(options);
  zeroize(key);
  return {
    status: () => sequencer.status(),
    nowMs: clock.nowMs,
    close: () =>
      sequencer.close().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn({ reason }, 'the last records could not be sealed; the next start seals them');
      }),
  };
}

/** The configuration was judged with this key: another one that came into the file since is another log's. */
function readLogKey({ keyFile, publicKey }: AuditLogSettings): PrivateKey {
  const loaded = loadPrivateKeyFile(keyFile);
  if (!loaded.ok)
    throw new Error(`audit.log.keyFile: the file ${keyFile} ${loaded.message}; ${loaded.remedy}`);
  if (equalBytes(loaded.key.publicKey.raw, publicKey)) return loaded.key;
  zeroize(loaded.key);
  throw new Error(
    `audit.log.keyFile: the file ${keyFile} has changed since the configuration was judged; start again`,
  );
}

/** How often a supervisor looks at the log that it seals. */
const LOOK_MILLISECONDS = 1_000;

/**
 * For a process that seals and does not serve: records what becomes of the log itself, in a write-ahead file of its own. Gives the end,
 * to be called before the log is closed. `also` has others record there. Throws the system's error where the file cannot be opened.
 */
export function recordLogFaults(
  { log, durability }: AuditSettings,
  sealed: SealedLog,
  also: (life: LifeRecords) => void = () => undefined,
): () => Promise<void> {
  if (log === undefined) return () => Promise.resolve();
  const own = batchedLog(openWriteAhead({ directory: log.directory, durability }), clock.nowMs);
  const life = new LifeRecords(own, clock.nowMs);
  const report = new AuditLogReport(sealed, life);
  also(life);
  const timer = setInterval(() => report.look(), LOOK_MILLISECONDS);
  return async () => {
    clearInterval(timer);
    await own.close();
  };
}

function batchedLog(writer: ConstructorParameters<typeof BatchedLog>[0], nowMs: () => number): AuditLog {
  return new BatchedLog(writer, (lostRecords) => gapLine(nowMs(), lostRecords));
}

/** What a process that serves writes records to. */
export interface OpenAudit {
  /** All of them. */
  readonly audit: AuditLog;
  /** The log that proves itself; undefined where none is kept. */
  readonly log: AuditLog | undefined;
}

/**
 * Opens the places of the settings; `nowMs` is the wall clock, Unix milliseconds. `onReplaced` is told the path of the
 * plain file when it leads to another one than before. Throws the system's error where a file cannot be opened.
 */
export function openAudit(
  { sink, log, durability }: AuditSettings,
  nowMs: () => number,
  onReplaced: (path: string) => void,
): OpenAudit {
  const own = log && batchedLog(openWriteAhead({ directory: log.directory, durability }), nowMs);
  if (sink === undefined) {
    if (own === undefined) throw new Error('audit names no place for the records');
    return { audit: own, log: own };
  }
  const plain = batchedLog(
    sink.kind === 'file'
      ? openFileWriter(sink.path, () => onReplaced(sink.path), durability)
      : openStdoutWriter(),
    nowMs,
  );
  return { audit: own === undefined ? plain : new PairedLog(own, plain), log: own };
}
