/** `countersign audit verify-proof`: that a record is in a log, offline, by the log's key or a policy alone. */
import { recordLine } from '../audit/read/record-line.js';
import { verifyRecord, type VerifiedRecord } from '../audit/read/prove-record.js';
import { MAX_RECORD_BYTES } from '../tlog/entries.js';
import { TlogError } from '../tlog/tlog-error.js';
import { addTrustOptions, trustOf, type TrustOptions } from './audit-trust.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples } from './command.js';
import { readArgument, readArgumentText, readOrFault } from './files.js';
import { jsonText, factLines } from './text.js';

interface VerifyProofOptions extends TrustOptions {
  readonly record?: string;
  readonly json?: true;
}

/** A record of 65,535 bytes in base64, 53 hashes and a checkpoint. */
const MAX_PROOF_BYTES = 2_097_152;
const LINE_FEED = 0x0a;

async function verifyProof(world: CliWorld, file: string, options: VerifyProofOptions): Promise<ExitCode> {
  const trusted = await trustOf(world, options, undefined);
  if (trusted === undefined) return ExitCode.refused;
  const { text } = readOrFault('the proof:', file, readArgumentText(file, MAX_PROOF_BYTES));
  const record = options.record === undefined ? undefined : readRecord(options.record);
  try {
    const verified = verifyRecord(text, record, trusted.trust);
    world.out(options.json ? jsonText(toJson(verified)) : toText(verified));
    return ExitCode.good;
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    throw new CliFault(
      `${file} proves nothing: ${error.message}`,
      'do not rely on the record; ask for a proof again, and compare the verifier key',
      ExitCode.refused,
    );
  }
}

/** A line of a file ends in a line feed, which is not of the record. */
function readRecord(file: string): Buffer {
  const { bytes } = readOrFault('the record:', file, readArgument(file, MAX_RECORD_BYTES + 1));
  return bytes.at(-1) === LINE_FEED ? bytes.subarray(0, -1) : bytes;
}

function toText({ index, record, checkpoint }: VerifiedRecord): string {
  const { origin, size, cosigners } = checkpoint;
  const facts = factLines([
    ['log', origin],
    ['record', `${index} of ${size}`],
    ['cosigned by', cosigners.length === 0 ? undefined : cosigners.join(', ')],
  ]);
  return `the record is in the log\n${facts}${recordLine(record)}\n`;
}

function toJson({ index, record, checkpoint }: VerifiedRecord): object {
  const { origin, size, cosigners } = checkpoint;
  return {
    outcome: 'verified',
    origin,
    index,
    size,
    cosigned_by: cosigners,
    record: record.toString('utf8'),
  };
}

/** Adds the command. */
export const registerAuditVerifyProof: Register = (group, session) => {
  const command = group
    .command('verify-proof')
    .description('verify a proof that a record is in a log, and print the record; needs no log')
    .argument('<file>', 'a file that countersign audit prove wrote');
  addTrustOptions(command)
    .option('--record <file>', 'the record, when the proof does not have it with it, or to compare with it')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign audit verify-proof 73894.tlog-proof --vkey audit-log.vkey',
        'countersign audit verify-proof 73894.tlog-proof --policy trusted.policy --json',
      ),
    )
    .action(session.action(verifyProof));
};
