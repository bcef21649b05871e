/**
 * A log's directory, verified: the checkpoint's signatures, every tile and record below its root, the checkpoints that somebody has
 * kept, and what is absent against what the log itself says of its pruning.
 */
import { TlogError } from '../../tlog/tlog-error.js';
import { filesBeyond } from './files-beyond.js';
import { judgeQuorum } from './judge-quorum.js';
import { CHECKPOINT_FILE, LogFileError, type LogDirectory } from './log-directory.js';
import { LogFaults, type LogFault } from './log-fault.js';
import { trustCheckpoint, type LogTrust, type TrustedCheckpoint } from './log-trust.js';
import { judgeRetained, trustRetained, type RetainedCheckpoint } from './retained-checkpoints.js';
import { StatedPruning } from './stated-pruning.js';
import { verifyTree, type VerifiedTree } from './verify-tree.js';

/** What is verified, and against what. */
export interface LogVerification {
  readonly directory: LogDirectory;
  readonly trust: LogTrust;
  readonly retained: readonly RetainedCheckpoint[];
  /** Only the records that are newer than the newest retained checkpoint. */
  readonly onlyNew: boolean;
  /** The verifier's word that what lies below was pruned; 0 for the log's own alone. */
  readonly minimumIndex: number;
  /** The log is not being written: files of a larger tree are a fault. */
  readonly isQuiet: boolean;
  readonly onProgress?: (records: number, all: number) => void;
}

/** What came of it. */
export interface LogVerdict {
  /** Undefined when there is none that is trusted. */
  readonly checkpoint: TrustedCheckpoint | undefined;
  /** Of records that the policy's quorum has cosigned; the rest is signed by the log alone. All of them without a policy. */
  readonly witnessedSize: number | undefined;
  /** The first faults, in the order in which they were found. */
  readonly faults: readonly LogFault[];
  readonly faultCount: number;
  /** Records that are as they were logged. */
  readonly verified: number;
  /** Records from here on were looked at: what lies before is pruned, or was not asked for. */
  readonly from: number;
  readonly isPruned: boolean;
  /** Files that are of a larger tree, as of a log that is being written. */
  readonly beyond: readonly string[];
  /** Retained checkpoints that the log continues, by file. */
  readonly consistent: readonly { readonly file: string; readonly size: number }[];
}

const MAX_FAULTS = 32;
/** A log that is pruned while it is verified is looked at again. */
const MAX_ATTEMPTS = 3;

/** Verifies a log. Rejects only when nothing can be said, for a defect of ours. */
export async function verifyLog(verification: LogVerification): Promise<LogVerdict> {
  for (let attempt = 1; ; attempt++) {
    const { verdict, isAbsent } = await verifyOnce(verification);
    const before = verdict.checkpoint?.size ?? 0;
    if (!isAbsent || attempt === MAX_ATTEMPTS || !hasGrown(verification, before)) return verdict;
  }
}

function hasGrown({ directory, trust }: LogVerification, before: number): boolean {
  const now = readCheckpoint(directory, trust, new LogFaults(1));
  return now !== undefined && now.size > before;
}

async function verifyOnce(
  verification: LogVerification,
): Promise<{ readonly verdict: LogVerdict; readonly isAbsent: boolean }> {
  const { directory, trust, isQuiet } = verification;
  const faults = new LogFaults(MAX_FAULTS);
  const checkpoint = readCheckpoint(directory, trust, faults);
  const retained = trustRetained(verification.retained, trust, faults);
  if (checkpoint === undefined) return { verdict: noVerdict(faults), isAbsent: false };
  const consistent = await judgeRetained(directory, checkpoint, retained, faults);
  const witnessedSize = await judgeQuorum(directory, checkpoint, trust, faults);
  const from = verification.onlyNew ? Math.max(0, ...consistent.map(({ size }) => size)) : 0;
  const pruning = new StatedPruning(verification.minimumIndex);
  const tree = await verifyTree({
    directory,
    size: checkpoint.size,
    root: checkpoint.root,
    from,
    faults,
    onBundle: (bytes) => pruning.read(bytes),
    onProgress: (records) => verification.onProgress?.(records, checkpoint.size - from),
  });
  const isAbsent = !tree.absent.isExplainedBy(pruning.minimumIndex);
  tree.absent.judge(pruning.minimumIndex, faults);
  const beyond = filesBeyond(directory, checkpoint.size, faults);
  if (isQuiet) for (const file of beyond) faults.add('beyond', 'the file is of a larger tree', { file });
  return {
    verdict: {
      ...summary(tree, from, isAbsent),
      checkpoint,
      witnessedSize,
      beyond,
      consistent,
      ...faultsOf(faults),
    },
    isAbsent,
  };
}

/** Only what the log itself explains is called pruned. */
function summary(
  { verified, absent }: VerifiedTree,
  from: number,
  isAbsent: boolean,
): Pick<LogVerdict, 'verified' | 'from' | 'isPruned'> {
  const isPruned = !isAbsent && absent.firstPresent > from;
  return { verified, from: isPruned ? absent.firstPresent : from, isPruned };
}

function faultsOf({ kept, count }: LogFaults): Pick<LogVerdict, 'faults' | 'faultCount'> {
  return { faults: kept, faultCount: count };
}

function noVerdict(faults: LogFaults): LogVerdict {
  return {
    checkpoint: undefined,
    witnessedSize: undefined,
    verified: 0,
    from: 0,
    isPruned: false,
    beyond: [],
    consistent: [],
    ...faultsOf(faults),
  };
}

/** The published one, when its signatures are right. */
function readCheckpoint(
  directory: LogDirectory,
  trust: LogTrust,
  faults: LogFaults,
): TrustedCheckpoint | undefined {
  const file = CHECKPOINT_FILE;
  try {
    const text = directory.checkpoint();
    if (text === undefined) {
      faults.add('checkpoint', 'the log has no checkpoint', { file });
      return undefined;
    }
    return trustCheckpoint(text, trust);
  } catch (error) {
    if (error instanceof LogFileError) faults.add('unreadable', `the file ${error.message}`, { file });
    else if (error instanceof TlogError) faults.add('checkpoint', error.message, { file });
    else throw error;
    return undefined;
  }
}
