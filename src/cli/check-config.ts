/** `countersign check-config`: the server's own loader, and what it thinks of a file. */
import type { Configuration, LeftOutFile } from '../config/settings.js';
import { keySourceLines, testKeySources, type KeySourceSummary } from './key-sources-summary.js';
import { fetchKeySets, keySetLines, type KeySetSummary } from './key-sets-summary.js';
import { auditLines, auditLogSummary } from './audit-summary.js';
import type { PassThroughPolicy } from '../verify/snapshot.js';
import { escapeControls } from '../json/escape-text.js';
import {
  addConfigurationFile,
  addOfflineOptions,
  configurationAction,
  leftOutLines,
  loadReporting,
  type OfflineFlags,
} from './configuration.js';
import { wholeNumber } from './option-values.js';
import { reportOnlyLines, reportOnlySummary } from './report-only-summary.js';
import { type CliWorld, ExitCode, type Register, examples } from './command.js';
import { signingLines, signingSummary, type SigningSummary } from './signing-summary.js';
import { jsonText } from './text.js';

/** As in the file. */
const MAX_WORKERS = 64;

interface CheckConfigOptions extends OfflineFlags {
  readonly json?: true;
  readonly workers?: number;
  readonly fetchKeySets?: true;
  readonly keySources?: true;
}

async function checkConfig(world: CliWorld, file: string, options: CheckConfigOptions): Promise<ExitCode> {
  const loaded = await loadReporting(world, file, options);
  if (!loaded.ok) {
    if (!options.json) world.err(`${count(loaded.problemCount, 'problem')} in ${file}\n`);
    return ExitCode.refused;
  }
  const { configuration, leftOut } = loaded;
  const nowMs = world.nowMs();
  const signing = signingSummary(configuration, nowMs, leftOut);
  const keySets = options.fetchKeySets ? await fetchKeySets(configuration) : undefined;
  const keySources = options.keySources ? await testKeySources(world, configuration) : undefined;
  const judged: Judged = { file, configuration, leftOut, signing, keySets, keySources, nowMs };
  world.out(options.json ? jsonText(summary(judged, options.offline ?? false)) : report(judged));
  const missing = missingKeys(judged);
  if (!options.json) world.err(missing.map((line) => `${line}\n`).join(''));
  return missing.length > 0 ? ExitCode.refused : ExitCode.good;
}

/** What was asked for keys and gave none, behind a file that is good. */
function missingKeys({ keySets = [], keySources = [] }: Judged): readonly string[] {
  const sets = keySets.filter(({ kids }) => kids.length === 0).length;
  const keys = keySources.filter(({ ok }) => !ok).length;
  return [
    ...(sets > 0
      ? [`${count(sets, 'key set')} without a key that counts: docs/configuration.md#key-sets`]
      : []),
    ...(keys > 0
      ? [`${count(keys, 'key')} with which a source does not sign: docs/keys.md#before-a-key-signs`]
      : []),
  ];
}

/** What there is to tell. */
interface Judged {
  readonly file: string;
  readonly configuration: Configuration;
  readonly leftOut: readonly LeftOutFile[];
  readonly signing: SigningSummary;
  /** Undefined where none was fetched. */
  readonly keySets: readonly KeySetSummary[] | undefined;
  readonly keySources: readonly KeySourceSummary[] | undefined;
  /** When it was judged, Unix milliseconds. */
  readonly nowMs: number;
}

function passThroughs({ snapshot }: Configuration): PassThroughPolicy[] {
  return [...snapshot.policies.values()].filter((policy) => policy.kind === 'pass_through');
}

function summary(
  { file, configuration, leftOut, signing, keySets, keySources, nowMs }: Judged,
  isOffline: boolean,
): object {
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
    report_only: reportOnlySummary(snapshot, nowMs),
    signed_answers: signing,
    ...(keySets && { key_sets: keySets }),
    ...(keySources && { key_sources: keySources }),
    audit_log: auditLogSummary(configuration.settings.audit),
    warnings,
    ...(isOffline && { offline: true, not_judged: leftOut }),
    files_read: filesRead,
  };
}

function report({ file, configuration, leftOut, signing, keySets, keySources, nowMs }: Judged): string {
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
  return [
    `${file} is good: ${counts}`,
    ...unchecked,
    ...reportOnlyLines(snapshot, nowMs),
    ...signingLines(signing),
    ...keySetLines(configuration, keySets),
    ...keySourceLines(keySources),
    ...auditLines(configuration.settings.audit),
    ...warned,
    ...leftOutLines(leftOut),
  ]
    .map((line) => `${escapeControls(line)}\n`)
    .join('');
}

function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** Adds the command. */
export const registerCheckConfig: Register = (program, session) => {
  const command = program
    .command('check-config')
    .description(
      'judge a configuration as the server would; list warnings, unchecked routes and signing keys',
    );
  addConfigurationFile(command)
    .option(
      '-w, --workers <number>',
      "processes, in place of the file's own number",
      wholeNumber(1, MAX_WORKERS),
    )
    .option(
      '--key-sources',
      'have each source sign with each of its keys, as at the start; 1 where one does not',
    )
    .option(
      '--fetch-key-sets',
      'fetch every key set once and say which of its keys count; refused where one gives none',
    )
    .option('--json', 'print JSON');
  addOfflineOptions(command)
    .addHelpText(
      'after',
      examples(
        'countersign check-config countersign.yaml',
        'countersign check-config --json countersign.yaml',
        'countersign check-config --offline --installed-in /etc/countersign countersign.yaml',
      ),
    )
    .action(configurationAction(session, checkConfig));
};
