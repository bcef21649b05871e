/**
 * Whether enough witnesses have cosigned. A log that seals every second publishes before they answer, so what they have
 * cosigned has a file of its own, and the published checkpoint must extend that one.
 */
import { WITNESSED_CHECKPOINT_FILE } from '../holders/sealed-log.js';
import { CHECKPOINT_FILE, LogFileError, type LogDirectory } from './log-directory.js';
import type { LogFaults } from './log-fault.js';
import { quorumFault, type LogTrust, type TrustedCheckpoint } from './log-trust.js';
import { judgeRetained, trustRetained } from './retained-checkpoints.js';

/** The size up to which the policy's quorum vouches; undefined, with the fault added, where there is none. */
export async function judgeQuorum(
  directory: LogDirectory,
  checkpoint: TrustedCheckpoint,
  trust: LogTrust,
  faults: LogFaults,
): Promise<number | undefined> {
  const { policy } = trust;
  if (policy === undefined || checkpoint.hasQuorum) return checkpoint.size;
  const [witnessed] = trustRetained(witnessedCheckpoints(directory, faults), trust, faults);
  if (witnessed?.hasQuorum === true) {
    const consistent = await judgeRetained(directory, checkpoint, [witnessed], faults);
    return consistent[0]?.size;
  }
  faults.add('quorum', quorumFault(policy, checkpoint.cosigners), { file: CHECKPOINT_FILE });
  return undefined;
}

function witnessedCheckpoints(
  directory: LogDirectory,
  faults: LogFaults,
): { readonly file: string; readonly text: string }[] {
  const file = WITNESSED_CHECKPOINT_FILE;
  try {
    const text = directory.checkpoint(file);
    return text === undefined ? [] : [{ file, text }];
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    faults.add('unreadable', `the file ${error.message}`, { file });
    return [];
  }
}
