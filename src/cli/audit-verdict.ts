/** What a verification of a log has found, for people and for scripts. */
import type { LogFault } from '../audit/read/log-fault.js';
import type { LogVerdict } from '../audit/read/verify-log.js';
import { encodeBase64 } from '../crypto/bytes.js';
import { escapeControls } from '../json/escape-text.js';
import { factLines } from './text.js';

/** Records that are in no checkpoint yet. */
export interface Unsealed {
  readonly records: number;
  /** Why not all of them could be counted. */
  readonly fault: string | undefined;
}

/** What is told. */
export interface VerdictFacts {
  readonly directory: string;
  readonly verdict: LogVerdict;
  readonly unsealed: Unsealed;
}

/** For `--json`. */
export function verdictJson({ directory, verdict, unsealed }: VerdictFacts): object {
  const { checkpoint, faults, faultCount, verified, from, isPruned, beyond, consistent } = verdict;
  return {
    outcome: faultCount === 0 ? 'verified' : 'refused',
    directory,
    origin: checkpoint?.origin ?? null,
    size: checkpoint?.size ?? null,
    root: checkpoint === undefined ? null : encodeBase64(checkpoint.root),
    cosigned_by: checkpoint?.cosigners ?? [],
    records_verified: verified,
    first_index: from,
    is_pruned: isPruned,
    continues: consistent.map(({ file, size }) => ({ checkpoint: file, size })),
    faults: faultCount,
    first_faults: faults.map(faultJson),
    files_beyond_checkpoint: beyond,
    unsealed_records: unsealed.records,
    unsealed_fault: unsealed.fault ?? null,
  };
}

function faultJson({ kind, message, file, index, end, decisionId }: LogFault): object {
  return {
    kind,
    file: file ?? null,
    index: index ?? null,
    end_index: end ?? null,
    decision_id: decisionId ?? null,
    message,
  };
}

/** For people. */
export function verdictText(facts: VerdictFacts): string {
  const { verdict, directory } = facts;
  const { faults, faultCount } = verdict;
  const head =
    faultCount === 0
      ? `${directory} is as it was logged\n`
      : `${directory} is NOT as it was logged: ${faultCount === 1 ? 'one fault' : `${faultCount} faults`}\n`;
  const more = faultCount > faults.length ? `  and ${faultCount - faults.length} more\n` : '';
  return escapeControls(head.trimEnd()) + '\n' + faults.map(faultText).join('') + more + factText(facts);
}

function faultText({ message, file, decisionId }: LogFault): string {
  const where = file === undefined ? '' : `${file}: `;
  const id = decisionId === undefined ? '' : ` (the record there says decision ${decisionId})`;
  return `  ${escapeControls(`${where}${message}${id}`)}\n`;
}

function factText({ verdict, unsealed }: VerdictFacts): string {
  const { checkpoint, witnessedSize, verified, from, isPruned, beyond, consistent } = verdict;
  if (checkpoint === undefined) return '';
  const { cosigners, root, size, origin } = checkpoint;
  const range = size === from ? 'none' : `${from} to ${size - 1}`;
  return factLines([
    ['log', origin],
    ['checkpoint', `${size} records, root ${encodeBase64(root)}`],
    ['cosigned by', cosigners.length === 0 ? undefined : cosigners.join(', ')],
    [
      'witnessed',
      witnessedSize === undefined || witnessedSize === size
        ? undefined
        : `up to ${witnessedSize} records, as the policy asks; the ${size - witnessedSize} newer ones are signed by the log alone`,
    ],
    ['records verified', `${verified} (looked at: ${range})`],
    ['before', isPruned ? `records 0 to ${from - 1} were pruned, and are not verified` : undefined],
    [
      'continues',
      consistent.length === 0
        ? undefined
        : consistent.map(({ file, size: of }) => `${file} (${of})`).join(', '),
    ],
    [
      'beyond',
      beyond.length === 0
        ? undefined
        : `${beyond.join(', ')}: of a log that goes on after this checkpoint, not verified`,
    ],
    ['unsealed', unsealedText(unsealed)],
  ]);
}

function unsealedText({ records, fault }: Unsealed): string | undefined {
  if (fault !== undefined) return `${fault}, so what is not sealed yet is not known`;
  if (records === 0) return undefined;
  return `${records} ${records === 1 ? 'record is' : 'records are'} in no checkpoint yet, and not verified`;
}
