/** From the settings to an open audit log. */
import { writeSync } from 'node:fs';
import type { AuditSettings } from '../config/settings.js';
import type { AuditLog, ChunkWriter } from './audit-log.js';
import { BatchedLog } from './batched-log.js';
import { openFileWriter } from './file-writer.js';

const STDOUT = 1;

/** Opens the sink; throws the system's error where a file cannot be opened. */
export function openAuditLog(sink: AuditSettings['sink']): AuditLog {
  return new BatchedLog(sink.kind === 'file' ? openFileWriter(sink.path) : stdoutWriter());
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
