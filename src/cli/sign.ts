/** `countersign sign`: the headers for a body, for whatever sends it. */
import { Option } from 'commander';
import { type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { STANDARD_STREAM, writeWhole } from './files.js';
import { CONTENT_TYPE, matching } from './option-values.js';
import {
  type PreparedRequest,
  type SigningOptions,
  addSigningOptions,
  prepareRequest,
} from './request-options.js';
import { jsonText, shellQuote } from './text.js';

const FORMATS = ['headers', 'curl', 'json'] as const;

interface SignOptions extends SigningOptions {
  readonly format: (typeof FORMATS)[number];
  readonly bodyOut?: string;
  readonly contentType: string;
}

async function sign(world: CliWorld, options: SignOptions): Promise<ExitCode> {
  if (options.fill && options.bodyOut === undefined)
    throw usageFault('--fill changes the body that is to be sent', 'say with --body-out FILE where it goes');
  const request = await prepareRequest(world, options);
  if (options.bodyOut !== undefined) writeWhole(options.bodyOut, request.body);
  world.out(render(request, options));
  return ExitCode.good;
}

function render(request: PreparedRequest, options: SignOptions): string {
  const headers = Object.entries(request.headers);
  switch (options.format) {
    case 'headers':
      return headers.map(([name, value]) => `${name}: ${value}\n`).join('');
    case 'curl':
      return curlArguments(headers, options);
    case 'json':
      return jsonText(request.headers);
  }
}

/** `--data-binary`, as `-d` would drop line ends, and a content type, as curl's own would be another. */
function curlArguments(headers: readonly (readonly [string, string])[], options: SignOptions): string {
  const source = options.bodyOut ?? options.body;
  const all = source === undefined ? headers : [['content-type', options.contentType] as const, ...headers];
  const body = source === undefined ? [] : [`--data-binary ${shellQuote(`@${source}`)}`];
  return `${[...all.map(([name, value]) => `-H ${shellQuote(`${name}: ${value}`)}`), ...body].join(' ')}\n`;
}

/** Adds the command. */
export const registerSign: Register = (program, session) => {
  const command = program
    .command('sign')
    .description('sign a body and print the headers that go with it')
    .requiredOption(
      '--key, --signing-key <file>',
      'the Ed25519 private key that signs; --key is its old name',
    );
  addSigningOptions(command)
    .option('--cert <file>', 'the client certificate, to state its fingerprint; absent: not stated')
    .option('--body-out <file>', 'write the bytes that were signed here; needed with --fill')
    .option(
      '--content-type <type>',
      'content type in the curl format',
      matching(CONTENT_TYPE),
      'application/json',
    )
    .addOption(
      new Option('-f, --format <format>', 'headers: one a line; curl: arguments to paste; json: an object')
        .choices(FORMATS)
        .default('headers'),
    )
    .addHelpText(
      'after',
      examples(
        'countersign sign -i producer-a --signing-key a.key --cert a.crt -b event.json > headers.txt',
        'curl -H @headers.txt -H content-type:application/json --data-binary @event.json ...',
        `countersign sign -i producer-a --signing-key a.key -b ${STANDARD_STREAM} --format curl < event.json`,
      ),
    )
    .action(session.action(sign));
};
