/** The witnesses beside the sequencer, in its thread. Loaded there where witnesses are configured. */
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import type { Companion, CompanionContext } from '../../audit/log/companion.js';
import { replaceFile } from '../../audit/holders/replace-file.js';
import { SealedLog, WITNESSED_CHECKPOINT_FILE } from '../../audit/holders/sealed-log.js';
import type { CosignedCheckpoint } from '../../audit/witness/cosigned-checkpoint.js';
import { Witnesses } from '../../audit/witness/witnesses.js';
import type { AuditWitnessSettings } from '../../config/settings.js';
import { parseVerifierKey } from '../../tlog/note.js';
import { parsePolicy } from '../../tlog/policy.js';
import { finishBy, reportOf } from './companion-parts.js';

export function startCompanion(options: unknown, context: CompanionContext): Companion {
  const { policyText, ...settings } = options as AuditWitnessSettings;
  const { directory, verifierKey } = context;
  const witnesses = new Witnesses({
    ...settings,
    policy: parsePolicy(policyText),
    log: new SealedLog(directory, parseVerifierKey(verifierKey)),
    progressPath: join(directory, '.sequencer', 'witness.json'),
    publish: (cosigned) => publish(cosigned, context),
    onChange: reportOf('a witness', context),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
  });
  witnesses.start();
  return {
    onCommitted: ({ size }) => witnesses.committed(size),
    heldSize: () => witnesses.heldSize,
    status: () => witnesses.status(),
    close: (deadlineMs) =>
      finishBy(deadlineMs, { finish: () => witnesses.finish(), close: () => witnesses.close() }),
  };
}

/**
 * The published checkpoint gets the lines while it is still the same. Under load it seldom is: what enough witnesses
 * have cosigned has a file of its own, for those who ask for a quorum.
 */
async function publish(cosigned: CosignedCheckpoint, context: CompanionContext): Promise<void> {
  context.addCosignatures(cosigned.checkpoint.size, cosigned.cosignatures);
  if (cosigned.isWitnessed)
    await replaceFile(join(context.directory, WITNESSED_CHECKPOINT_FILE), cosigned.text());
}
