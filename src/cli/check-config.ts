/** `countersign check-config`: the server's own loader, and what it thinks of a file. */
import type { Configuration } from '../config/settings.js';
import type { PassThroughPolicy } from '../verify/snapshot.js';
import { escapeControls } from '../json/escape-text.js';
import { chosenConfigFile } from './config-file.js';
import { ExitCode } from './exit-code.js';
import { examples } from './help.js';
import { wholeNumber } from './option-values.js';
import type { CliWorld, Register } from './session.js';
import { signingLines, signingSummary, type SigningSummary } from './signing-summary.js';
import { jsonText } from './text.js';

/** As in the file. */
const MAX_WORKERS = 64;

interface CheckConfigOptions {
  readonly config?: string;
  readonly json?: true;
  readonly workers?: number;
}

/** The loader brings the schema library along, so it is loaded when it is wanted. */
async function checkConfig(world: CliWorld, file: string, options: CheckConfigOptions): Promise<ExitCode> {
  const { loadConfiguration } = await import('../config/load.js');
  const { renderProblems } = await import('../config/document/findings.js');
  const nowMs = world.nowMs();
  const loaded = loadConfiguration(file, { generation: 1, nowMs, workers: options.workers });
  if (!loaded.ok) {
    if (options.json) world.out(jsonText({ ok: false, file, problems: loaded.problems }));
    else
      world.err(`${renderProblems(loaded.problems)}\n${count(loaded.problemCount, 'problem')} in ${file}\n`);
    return ExitCode.refused;
  }
  const signing = signingSummary(loaded.configuration.snapshot, nowMs);
  world.out(
    options.json
      ? jsonText(summary(file, loaded.configuration, signing))
      : report(file, loaded.configuration, signing),
  );
  return ExitCode.good;
}

function passThroughs({ snapshot }: Configuration): PassThroughPolicy[] {
  return [...snapshot.policies.values()].filter((policy) => policy.kind === 'pass_through');
}

function summary(file: string, configuration: Configuration, signing: SigningSummary): object {
  const { snapshot, warnings, filesRead } = configuration;
  return {
    ok: true,
    file,
    identities: snapshot.identities.size,
    operators: snapshot.operators.size,
    policies: [...snapshot.policies.keys()],
    pass_through: passThroughs(configuration).map(({ name, match, reason }) => ({
      policy: name,
      methods: [...match.methods],
      match: match.kind,
      path: match.path,
      reason,
    })),
    signed_answers: signing,
    warnings,
    files_read: filesRead,
  };
}

function report(file: string, configuration: Configuration, signing: SigningSummary): string {
  const { snapshot, warnings } = configuration;
  const counts = [
    count(snapshot.identities.size, 'identity', 'identities'),
    count(snapshot.operators.size, 'operator'),
    count(snapshot.policies.size, 'policy', 'policies'),
  ].join(', ');
  const unchecked = passThroughs(configuration).map(
    ({ name, match, reason }) =>
      `not checked: ${name}: ${[...match.methods].join(',')} ${match.path}${match.kind === 'prefix' ? '…' : ''} — ${reason}`,
  );
  const warned = warnings.map(({ path, message }) => `warning: ${path}: ${message}`);
  return [`${file} is good: ${counts}`, ...unchecked, ...signingLines(signing), ...warned]
    .map((line) => `${escapeControls(line)}\n`)
    .join('');
}

function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** Adds the command. */
export const registerCheckConfig: Register = (program, session) => {
  program
    .command('check-config')
    .description(
      'judge a configuration as the server would; list warnings, unchecked routes and signing keys',
    )
    .argument('[file]', 'the configuration, if not given by --config')
    .option('-c, --config <file>', 'the configuration (YAML)')
    .option(
      '-w, --workers <number>',
      "processes, in place of the file's own number",
      wholeNumber(1, MAX_WORKERS),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign check-config countersign.yaml',
        'countersign check-config --json countersign.yaml',
      ),
    )
    .action(
      session.action((world, file: string | undefined, options: CheckConfigOptions) =>
        checkConfig(world, chosenConfigFile(file, options.config), options),
      ),
    );
};
