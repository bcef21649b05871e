/** `countersign policy …`: verified feedback for a policy engine. */
import { Option, type Command } from 'commander';
import { bindAdjustments } from '../client/feedback/bind-adjustments.js';
import { FeedbackPolicy } from '../client/feedback/feedback-policy.js';
import { TARGET_URN } from '../protocol/syntax.js';
import { type CliWorld, ExitCode, type Register, type Session, examples } from './command.js';
import {
  type ExecutionOptions,
  type VerificationOptions,
  addExecutionOptions,
  addVerificationOptions,
  executionOf,
  readAnswer,
  verifyAnswer,
} from './feedback-options.js';
import { refusedReport } from './feedback-report.js';
import { matching } from './option-values.js';
import { jsonText } from './text.js';

interface PolicyInputOptions extends VerificationOptions, ExecutionOptions {
  readonly target: string;
  readonly base?: 'allow' | 'deny';
}

/** Prints nothing for an answer that is not verified: an engine must not take an empty input for an unbound one. */
async function policyInput(world: CliWorld, file: string, options: PolicyInputOptions): Promise<ExitCode> {
  const execution = executionOf(options);
  const result = verifyAnswer(world, await readAnswer(file, world), options);
  if (!result.ok) {
    world.err(refusedReport(result));
    return ExitCode.refused;
  }
  const bound = bindAdjustments(result.feedback, execution);
  const policy = new FeedbackPolicy({ clock: world, maxTargets: bound.latest.length });
  if (!policy.apply(bound)) throw new Error('a policy of its own has room for one answer');
  const input = policy.policyInput(options.tenant, options.target);
  const { base } = options;
  world.out(jsonText(base === undefined ? input : { base_allow: base === 'allow', feedback: input }));
  return ExitCode.good;
}

function registerPolicyInput(group: Command, session: Session): void {
  const command = group
    .command('input')
    .description("print what a verified answer says of a target, as JSON for a policy engine's input")
    .argument('<file>', 'the body of the answer, byte for byte; - is standard input')
    .requiredOption('--target <urn>', 'the target of the decision', matching(TARGET_URN));
  addExecutionOptions(addVerificationOptions(command))
    .addOption(
      new Option(
        '--base <decision>',
        'print {"base_allow": …, "feedback": …}, as examples/policy takes it',
      ).choices(['allow', 'deny']),
    )
    .addHelpText(
      'after',
      examples(
        'countersign policy input answer.json --keyring keyring.json --ran graph.json --target urn:robot:1 \\',
        '  --tenant 11111111-1111-4111-8111-111111111111 --base allow |',
        "  opa eval --stdin-input --data examples/policy/feedback.rego 'data.countersign.feedback.allow'",
      ),
    )
    .action(session.action(policyInput));
}

/** Adds the group. */
export const registerPolicy: Register = (program, session) => {
  const group = program
    .command('policy')
    .description('feed verified feedback to a policy engine')
    .addHelpText('after', examples('countersign policy input --help'));
  registerPolicyInput(group, session);
};
