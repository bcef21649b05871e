/** `countersign send`: sign, send over mutual TLS, and say what came of it. */
import { sendSigned } from '../client/send-signed.js';
import {
  type ConnectionOptions,
  type SigningOptions,
  addConnectionOptions,
  addSigningOptions,
  prepareRequest,
  readTls,
} from './request-options.js';
import { type CliWorld, type ExitCode, type Register, examples } from './command.js';
import { CONTENT_TYPE, matching } from './option-values.js';
import { reportOutcome } from './send-report.js';

const METHOD = /^[A-Z]{1,16}$/;

interface SendOptions extends SigningOptions, ConnectionOptions {
  readonly cert: string;
  readonly method: string;
  readonly contentType: string;
  readonly json?: true;
}

async function send(world: CliWorld, url: string, options: SendOptions): Promise<ExitCode> {
  const tls = readTls(options);
  const { certificate } = tls;
  const request = await prepareRequest(world, { ...options, certificate });
  const outcome = await sendSigned({
    url,
    method: options.method,
    headers: { 'content-type': options.contentType, accept: 'application/json', ...request.headers },
    body: request.body,
    tls,
    timeoutMilliseconds: options.timeout * 1000,
  });
  const nowMs = world.nowMs();
  return reportOutcome(world, { url, outcome, request, certificate, nowMs, isQuery: false }, options.json);
}

/** Adds the command. */
export const registerSend: Register = (program, session) => {
  const command = program
    .command('send')
    .description('sign a request, send it over mutual TLS, and show what was refused and why')
    .argument('<url>', 'https only; redirects are not followed');
  addSigningOptions(addConnectionOptions(command))
    .option('-X, --method <method>', 'HTTP method', matching(METHOD), 'POST')
    .option('--content-type <type>', 'content type of the body', matching(CONTENT_TYPE), 'application/json')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign send https://localhost:8443/internal/v1/telemetry --ca ca.crt --cert a.crt --tls-key a.tls.key \\',
        '  --signing-key a.key --identity producer-a --body event.json --fill',
      ),
    )
    .action(session.action(send));
};
