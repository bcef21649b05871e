/** From the settings to an open audit log. */
import type { AuditSettings } from '../config/settings.js';
import { type AuditLog, BatchedLog } from '../audit/audit-log.js';
import { openFileWriter, openStdoutWriter } from '../audit/writers.js';
import { gapLine } from '../audit/record.js';

/**
 * Opens the sink; `nowMs` is the wall clock, Unix milliseconds. `onReplaced` is told the path when it leads to another
 * file than before. Throws the system's error where a file cannot be opened.
 */
export function openAuditLog(
  sink: AuditSettings['sink'],
  nowMs: () => number,
  onReplaced: (path: string) => void = () => undefined,
): AuditLog {
  const writer =
    sink.kind === 'file' ? openFileWriter(sink.path, () => onReplaced(sink.path)) : openStdoutWriter();
  return new BatchedLog(writer, (lostRecords) => gapLine(nowMs(), lostRecords));
}
