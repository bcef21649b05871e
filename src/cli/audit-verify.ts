/** `countersign audit verify`: a whole log against its signed checkpoint, its tiles, and what somebody has kept of it. */
import { unsealedRecords } from '../audit/read/unsealed.js';
import { LogFileError, type LogDirectory } from '../audit/read/log-directory.js';
import { verifyLog, type LogVerdict } from '../audit/read/verify-log.js';
import { addTrustOptions, logDirectory, trustOf, type TrustOptions } from './audit-trust.js';
import { verdictJson, verdictText, type Unsealed } from './audit-verdict.js';
import { type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { readArgumentText, readOrFault } from './files.js';
import { collecting, wholeNumber } from './option-values.js';
import { ProgressBar } from './progress.js';
import { jsonText } from './text.js';

interface VerifyOptions extends TrustOptions {
  readonly checkpoint?: readonly string[];
  readonly newOnly?: true;
  readonly minimumIndex?: number;
  readonly quiet?: true;
  readonly json?: true;
}

const MAX_CHECKPOINT_BYTES = 1_048_576;

async function verify(world: CliWorld, place: string | undefined, options: VerifyOptions): Promise<ExitCode> {
  const files = options.checkpoint ?? [];
  if (options.newOnly && files.length === 0)
    throw usageFault('--new-only without a checkpoint', 'give the one that you have kept with --checkpoint');
  const trusted = await trustOf(world, options, place);
  if (trusted === undefined) return ExitCode.refused;
  const directory = logDirectory(trusted.directory);
  const retained = files.map((file) => ({
    file,
    text: readOrFault('the checkpoint:', file, readArgumentText(file, MAX_CHECKPOINT_BYTES)).text,
  }));
  let bar: ProgressBar | undefined;
  const verdict = await verifyLog({
    directory,
    trust: trusted.trust,
    retained,
    onlyNew: options.newOnly === true,
    minimumIndex: options.minimumIndex ?? 0,
    isQuiet: options.quiet === true,
    onProgress: (records, all) => (bar ??= new ProgressBar(world, 'verifying the log', all)).update(records),
  });
  bar?.finish();
  return tell(world, directory, verdict, options.json === true);
}

function tell(world: CliWorld, directory: LogDirectory, verdict: LogVerdict, isJson: boolean): ExitCode {
  const facts = { directory: directory.path, verdict, unsealed: unsealedOf(directory) };
  world.out(isJson ? jsonText(verdictJson(facts)) : verdictText(facts));
  return verdict.faultCount === 0 ? ExitCode.good : ExitCode.refused;
}

function unsealedOf(directory: LogDirectory): Unsealed {
  let records = 0;
  try {
    const lines = unsealedRecords(directory);
    while (lines.next().done !== true) records += 1;
    return { records, fault: undefined };
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    return { records, fault: `${error.file} ${error.message}` };
  }
}

/** Adds the command. */
export const registerAuditVerify: Register = (group, session) => {
  const command = group
    .command('verify')
    .description('verify an audit log: every record, every tile, and the checkpoint that they must make')
    .argument('[directory]', 'the log, if not named by --config');
  addTrustOptions(command)
    .option(
      '--checkpoint <file>',
      'a checkpoint that you have kept: the log must begin with it; may be given again',
      collecting(/^[^]+$/),
    )
    .option('--new-only', 'only the records after the newest such checkpoint')
    .option(
      '--minimum-index <number>',
      'what lies below may be missing, though no record of the log says that it was pruned',
      wholeNumber(0, 999_999_999_999_999),
    )
    .option(
      '--quiet',
      'the log is not being written: files of a larger tree than the checkpoint’s are a fault',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign audit verify --config countersign.yaml',
        'countersign audit verify /media/usb/audit-log --vkey audit-log.vkey --checkpoint checkpoint.january',
        'countersign audit verify /media/usb/audit-log --policy trusted.policy --json',
      ),
    )
    .action(session.action(verify));
};
