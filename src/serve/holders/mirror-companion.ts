/** The mirror beside the sequencer, in its thread. Loaded there where a mirror is configured. */
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import type { Companion, CompanionContext } from '../../audit/log/companion.js';
import { SealedLog } from '../../audit/holders/sealed-log.js';
import { openMirror } from '../../audit/mirror/open-mirror.js';
import type { AuditMirrorSettings } from '../../config/settings.js';
import { parseS3Credentials } from '../../storage/s3/credentials.js';
import { parseVerifierKey } from '../../tlog/note.js';
import { finishBy, reportOf, secretIn } from './companion-parts.js';

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
      credentials: () =>
        secretIn(settings.credentialsPath, parseS3Credentials, 'does not give one pair of keys'),
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
