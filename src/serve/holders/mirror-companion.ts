/** The mirror beside the sequencer, in its thread. Loaded there where a mirror is configured. */
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import type { Companion, CompanionContext } from '../../audit/log/companion.js';
import { SealedLog } from '../../audit/holders/sealed-log.js';
import { openMirror } from '../../audit/mirror/open-mirror.js';
import { readSecretFile } from '../../config/files/private-key-file.js';
import type { AuditMirrorSettings } from '../../config/settings.js';
import { parseS3Credentials, type S3Credentials } from '../../storage/s3/credentials.js';
import { parseVerifierKey } from '../../tlog/note.js';
import { finishBy, reportOf } from './companion-ends.js';

/** Rejects with a sentence where the mirror cannot be opened. */
export async function startCompanion(options: unknown, context: CompanionContext): Promise<Companion> {
  const settings = options as AuditMirrorSettings;
  const { directory, verifierKey } = context;
  const log = new SealedLog(directory, parseVerifierKey(verifierKey));
  const { mirror, close } = await openMirror(
    { ...settings, endpoint: new URL(settings.endpoint) },
    {
      log,
      progressPath: join(directory, '.sequencer', 'mirror.json'),
      credentials: () => credentialsIn(settings.credentialsPath),
      onChange: reportOf('the mirror', context),
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
    },
  );
  mirror.start();
  return {
    onCommitted: ({ size }) => mirror.committed(size),
    heldSize: () => mirror.heldSize,
    status: () => mirror.status(),
    close: (deadlineMs) => finishBy(deadlineMs, { finish: () => mirror.finish(), close }),
  };
}

/** Throws a sentence that shows nothing of what is in the file. */
function credentialsIn(path: string): S3Credentials {
  const read = readSecretFile(path);
  if (!read.ok) throw new Error(`cannot be asked: the file ${path} ${read.message}; ${read.remedy}`);
  const credentials = parseS3Credentials(read.bytes.toString('latin1'));
  read.bytes.fill(0);
  if (credentials === undefined)
    throw new Error(`cannot be asked: the file ${path} does not give one pair of keys`);
  return credentials;
}
