/**
 * The commands for signed answers: `countersign feedback query` asks for adjustments, `feedback verify` says whether an
 * answer is genuine and what of it concerns us, `policy input` gives a policy engine what it says of a target.
 */
import { type Command, Option } from 'commander';
import { DEFAULT_MAX_ENVELOPE_BYTES } from '../client/feedback/answer-checks.js';
import { sendSigned } from '../client/send-signed.js';
import {
  type ConnectionOptions,
  type SignedMoment,
  type SignerOptions,
  addConnectionOptions,
  addSignerOptions,
  readTls,
  signBody,
} from './request-options.js';
import { type CliWorld, ExitCode, type Register, type Session, examples } from './command.js';
import {
  type ExecutionOptions,
  type VerificationOptions,
  addExecutionOptions,
  addVerificationOptions,
  executionOf,
  namesExecution,
  readAnswer,
  verifyAnswer,
} from './feedback-options.js';
import { writeWhole } from './files.js';
import { matching, wholeNumber } from './option-values.js';
import { reportOutcome } from './send-report.js';
import { jsonText } from './text.js';
import { bindAdjustments } from '../client/feedback/bind-adjustments.js';
import { refusedJson, refusedReport, verifiedJson, verifiedReport } from './feedback-report.js';
import { FeedbackPolicy } from '../client/feedback/feedback-policy.js';
import { TARGET_URN } from '../protocol/syntax.js';

/** docs/wire-contract.md#a-signed-request: 1..1000, default 100. */
const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 100;
const OPERATOR = /^[\x21-\x7e]{1,128}$/;

interface QueryOptions extends SignerOptions, ConnectionOptions, JudgeOptions {
  readonly cert: string;
  readonly operator: string;
  readonly limit: number;
  readonly out?: string;
}

async function query(world: CliWorld, url: string, options: QueryOptions): Promise<ExitCode> {
  const tls = readTls(options);
  const { certificate } = tls;
  const request = signBody(world, { ...options, certificate }, (moment) => queryBody(options, moment));
  const outcome = await sendSigned({
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...request.headers },
    body: request.body,
    tls,
    timeoutMilliseconds: options.timeout * 1000,
    maxAnswerBytes: DEFAULT_MAX_ENVELOPE_BYTES,
  });
  if (outcome.kind === 'answered' && outcome.accepted) {
    const { body } = outcome.answer;
    if (options.out !== undefined) writeWhole(options.out, body);
    return reportAnswer(world, body, options, true);
  }
  const nowMs = world.nowMs();
  return reportOutcome(world, { url, outcome, request, certificate, nowMs, isQuery: true }, options.json);
}

function queryBody({ operator, tenant, limit }: QueryOptions, moment: SignedMoment): Uint8Array {
  const { timestampSeconds: timestamp, nonce } = moment;
  return Buffer.from(JSON.stringify({ operator_id: operator, tenant_id: tenant, timestamp, nonce, limit }));
}

/** Adds the command. */
function registerFeedbackQuery(group: Command, session: Session): void {
  const command = group
    .command('query')
    .description(
      'sign and send a feedback query, verify the answer, and sort its adjustments by what was run',
    )
    .argument('<url>', 'https only; redirects are not followed');
  addSignerOptions(addConnectionOptions(command));
  addExecutionOptions(addVerificationOptions(command))
    .requiredOption('--operator <id>', 'the operator for whom is asked', matching(OPERATOR))
    .option('--limit <number>', 'adjustments at most', wholeNumber(1, MAX_LIMIT), DEFAULT_LIMIT)
    .option('--out <file>', 'keep the answer as it was delivered, verified or not')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign feedback query https://localhost:8443/internal/v1/cognitive/feedback/adjustments/query \\',
        '  --ca ca.crt --cert a.crt --tls-key a.tls.key --signing-key a.key --identity producer-a --operator operator-a \\',
        '  --tenant 11111111-1111-4111-8111-111111111111 --keyring keyring.json --ran graph.json',
      ),
    )
    .action(session.action(query));
}

/** What judging an answer takes, whatever it came from. */
interface JudgeOptions extends VerificationOptions, ExecutionOptions {
  readonly json?: true;
}

async function verify(world: CliWorld, file: string, options: JudgeOptions): Promise<ExitCode> {
  return reportAnswer(world, await readAnswer(file, world), options, namesExecution(options));
}

/** Verifies an answer, binds it where that is wanted, and says what came of it. */
function reportAnswer(world: CliWorld, answer: Uint8Array, options: JudgeOptions, binds: boolean): ExitCode {
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
function registerFeedbackVerify(group: Command, session: Session): void {
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

/** Adds the group. */
export const registerFeedback: Register = (program, session) => {
  const group = program
    .command('feedback')
    .description('query signed feedback, verify it, and see what of it is applied')
    .addHelpText(
      'after',
      examples('countersign feedback verify --help', 'countersign feedback query --help'),
    );
  registerFeedbackQuery(group, session);
  registerFeedbackVerify(group, session);
};

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
