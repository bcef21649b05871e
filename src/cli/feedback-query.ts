/** `countersign feedback query`: ask for adjustments, verify the answer, and show what of it is applied. */
import type { Command } from 'commander';
import { DEFAULT_MAX_ENVELOPE_BYTES } from '../client/feedback/answer-checks.js';
import { sendSigned } from '../client/send-signed.js';
import { addConnectionOptions, readTls, type ConnectionOptions } from './connection-options.js';
import type { ExitCode } from './exit-code.js';
import { addExecutionOptions } from './feedback-execution.js';
import { addVerificationOptions } from './feedback-verification.js';
import { reportAnswer, type JudgeOptions } from './feedback-verify.js';
import { writeWhole } from './files.js';
import { examples } from './help.js';
import { matching, wholeNumber } from './option-values.js';
import { exitCodeOf, sendJson, sendReport, type SendReportInput } from './send-report.js';
import type { CliWorld, Session } from './session.js';
import { addSignerOptions, signBody, type SignedMoment, type SignerOptions } from './signing-options.js';
import { jsonText } from './text.js';

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
  const request = signBody(world, { ...options, certificate: tls.certificate }, (moment) =>
    queryBody(options, moment),
  );
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
  reportRefusal(world, { url, outcome, request, nowMs: world.nowMs() }, options);
  return exitCodeOf(outcome);
}

function queryBody({ operator, tenant, limit }: QueryOptions, moment: SignedMoment): Uint8Array {
  const { timestampSeconds: timestamp, nonce } = moment;
  return Buffer.from(JSON.stringify({ operator_id: operator, tenant_id: tenant, timestamp, nonce, limit }));
}

function reportRefusal(world: CliWorld, input: SendReportInput, { json }: QueryOptions): void {
  if (json) world.out(jsonText(sendJson(input)));
  else if (input.outcome.kind === 'answered') world.out(sendReport(input));
  else world.err(sendReport(input));
}

/** Adds the command. */
export function registerFeedbackQuery(group: Command, session: Session): void {
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
