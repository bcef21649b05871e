/** Checkpoints that somebody has kept: a log that does not begin with each of them was rewritten, shortened or forked. */
import { consistencyProof, isConsistent, type TileReader } from '../../tlog/proofs.js';
import { TlogError } from '../../tlog/tlog-error.js';
import { LogFileError, tileReaderOf, type LogDirectory } from './log-directory.js';
import type { LogFaults } from './log-fault.js';
import { trustCheckpoint, type LogTrust, type TrustedCheckpoint } from './log-trust.js';

/** A checkpoint under the name of its file; nothing of it is verified. */
export interface RetainedCheckpoint {
  readonly file: string;
  readonly text: string;
}

/** One whose signatures are right. */
export interface Retained extends TrustedCheckpoint {
  readonly file: string;
}

/** In ascending order. They need no quorum: who has kept one has seen it. */
export function trustRetained(
  retained: readonly RetainedCheckpoint[],
  trust: LogTrust,
  faults: LogFaults,
): Retained[] {
  const trusted: Retained[] = [];
  for (const { file, text } of retained)
    try {
      trusted.push({ ...trustCheckpoint(text, trust), file });
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      faults.add('checkpoint', error.message, { file });
    }
  return trusted.sort((a, b) => a.size - b.size);
}

/** Those that the log begins with; for each of the others a fault is added. */
export async function judgeRetained(
  directory: LogDirectory,
  checkpoint: TrustedCheckpoint,
  retained: readonly Retained[],
  faults: LogFaults,
): Promise<Retained[]> {
  const consistent: Retained[] = [];
  const reader = tileReaderOf(directory);
  for (const older of retained) {
    const { file, size, origin } = older;
    if (origin !== checkpoint.origin)
      faults.add('checkpoint', `it is of the log ${origin}, and this one is ${checkpoint.origin}`, { file });
    else if (size > checkpoint.size)
      faults.add(
        'truncated',
        `the log has ${checkpoint.size} records, and had ${size} when this checkpoint was signed`,
        {
          file,
          index: checkpoint.size,
          end: size,
        },
      );
    else await judgeOlder({ reader, older, checkpoint, consistent, faults });
  }
  return consistent;
}

interface OlderCheckpoint {
  readonly reader: TileReader;
  readonly older: Retained;
  readonly checkpoint: TrustedCheckpoint;
  /** Those before it; it is added when the log continues it. */
  readonly consistent: Retained[];
  readonly faults: LogFaults;
}

async function judgeOlder({ reader, older, checkpoint, consistent, faults }: OlderCheckpoint): Promise<void> {
  const { file, size } = older;
  const good = consistent.at(-1)?.size ?? 0;
  try {
    const proof = await consistencyProof(reader, size, checkpoint.size);
    if (isConsistent(older, checkpoint, proof)) consistent.push(older);
    else faults.add('forked', forkedText(size, good), { file, index: good, end: size });
  } catch (error) {
    // What is below a minimum index may be pruned, and older checkpoints cannot be followed from there.
    if (!(error instanceof LogFileError)) throw error;
    faults.add('tile', `whether the log continues it cannot be shown: ${error.file} ${error.message}`, {
      file,
    });
  }
}

function forkedText(size: number, good: number): string {
  return `the log does not begin with the ${size} records that this checkpoint was signed for: of the records ${good} to ${size - 1} at least one was changed since, or there are two logs under one key`;
}
