/** From the settings to an open audit log. */
import { writeSync } from 'node:fs';
import type { AuditSettings } from '../config/settings.js';
import type { AuditLog, ChunkWriter } from './audit-log.js';
import { BatchedLog } from './batched-log.js';
import { openFileWriter } from './file-writer.js';
import { gapLine } from './record.js';

const STDOUT = 1;

/** Opens the sink; `nowMs` is the wall clock, Unix milliseconds. Throws the system's error where a file cannot be opened. */
export function openAuditLog(sink: AuditSettings['sink'], nowMs: () => number): AuditLog {
  const writer = sink.kind === 'file' ? openFileWriter(sink.path) : stdoutWriter();
  return new BatchedLog(writer, (lostRecords) => gapLine(nowMs(), lostRecords));
}

/** Standard output as a sink. A pipe that is full throws EAGAIN, which counts as a failed write. */
function stdoutWriter(): ChunkWriter {
  return {
    write: (chunk) => {
      const bytes = Buffer.from(chunk);
      for (let written = 0; written < bytes.length;) written += writeSync(STDOUT, bytes, written);
    },
    close: () => undefined,
  };
}
