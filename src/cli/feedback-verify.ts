/** `countersign feedback verify`: is this answer genuine, and what of it concerns us? */
import type { Command } from 'commander';
import { bindAdjustments } from '../client/feedback/bind-adjustments.js';
import { ExitCode } from './exit-code.js';
import {
  addExecutionOptions,
  executionOf,
  namesExecution,
  type ExecutionOptions,
} from './feedback-execution.js';
import { refusedJson, refusedReport, verifiedJson, verifiedReport } from './feedback-report.js';
import {
  addVerificationOptions,
  readAnswer,
  verifyAnswer,
  type VerificationOptions,
} from './feedback-verification.js';
import { examples } from './help.js';
import type { CliWorld, Session } from './session.js';
import { jsonText } from './text.js';

/** What judging an answer takes, whatever it came from. */
export interface JudgeOptions extends VerificationOptions, ExecutionOptions {
  readonly json?: true;
}

async function verify(world: CliWorld, file: string, options: JudgeOptions): Promise<ExitCode> {
  return reportAnswer(world, await readAnswer(file, world), options, namesExecution(options));
}

/** Verifies an answer, binds it where that is wanted, and says what came of it. */
export function reportAnswer(
  world: CliWorld,
  answer: Uint8Array,
  options: JudgeOptions,
  binds: boolean,
): ExitCode {
  const execution = executionOf(options);
  const result = verifyAnswer(world, answer, options);
  if (!result.ok) {
    if (options.json) world.out(jsonText(refusedJson(result)));
    else world.err(refusedReport(result));
    return ExitCode.refused;
  }
  const { feedback } = result;
  const bound = binds ? bindAdjustments(feedback, execution) : undefined;
  world.out(options.json ? jsonText(verifiedJson(feedback, bound)) : verifiedReport(feedback, bound));
  return ExitCode.good;
}

/** Adds the command. */
export function registerFeedbackVerify(group: Command, session: Session): void {
  const command = group
    .command('verify')
    .description('verify an answer as it was delivered, and sort its adjustments by what was run')
    .argument('<file>', 'the body of the answer, byte for byte; - is standard input');
  addExecutionOptions(addVerificationOptions(command))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign feedback verify answer.json --keyring keyring.json \\',
        '  --tenant 11111111-1111-4111-8111-111111111111 --ran graph.json',
      ),
    )
    .action(session.action(verify));
}
