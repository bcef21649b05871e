/** `countersign check-config`: the server's own loader, and what it thinks of a file. */
import type { Configuration, LeftOutFile } from '../config/settings.js';
import { keySourceLines, testKeySources, type KeySourceSummary } from './key-sources-summary.js';
import { fetchKeySets, keySetLines, type KeySetSummary } from './key-sets-summary.js';
import { auditLines, auditLogSummary } from './audit-summary.js';
import type { PassThroughPolicy, Snapshot } from '../verify/snapshot.js';
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
import { isoTime, jsonText } from './text.js';
import type { FeedbackKey } from '../feedback/feedback-key.js';
import { type SigningDomain, activeKeyOf } from '../feedback/feedback-settings.js';

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
  const signing = signingSummary(configuration.snapshot, nowMs, leftOut);
  const keySets = options.fetchKeySets ? await fetchKeySets(configuration) : undefined;
  const keySources = options.keySources ? await testKeySources(world, configuration) : undefined;
  const judged: Judged = { file, configuration, leftOut, signing, keySets, keySources, nowMs };
  world.out(options.json ? jsonText(summary(judged, options.offline ?? false)) : report(judged));
  const isWithout =
    (keySets?.some(({ kids }) => kids.length === 0) ?? false) || (keySources?.some(({ ok }) => !ok) ?? false);
  return isWithout ? ExitCode.refused : ExitCode.good;
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

/** One key, as `--json` shows it. */
interface KeySummary {
  readonly kid: string;
  readonly public_key_sha256: string;
  /** `active` signs now; `ready` could; `coming` and `ended` are outside their validity. */
  readonly state: 'active' | 'ready' | 'coming' | 'ended';
  /** RFC 3339; null where open. */
  readonly not_before: string | null;
  readonly not_after: string | null;
}

/** The keys that sign for one tenant, or, where it is null, for every tenant without keys of its own. */
interface DomainSummary {
  readonly tenant: string | null;
  /** The keys vouch for keys in memory, and sign no answer. */
  readonly delegates: boolean;
  /** Null: no key is valid now, so every answer is withheld; or keys were left out, so that it is not known. */
  readonly active_kid: string | null;
  readonly keys: readonly KeySummary[];
}

/** What is signed, and with what. Both lists are empty when nothing is. */
interface SigningSummary {
  readonly policies: readonly string[];
  readonly domains: readonly DomainSummary[];
}

/** The summary of a snapshot at a moment (Unix milliseconds). Which key signs is not known while one is left out. */
function signingSummary(
  { policies, feedback }: Snapshot,
  nowMs: number,
  leftOut: readonly LeftOutFile[],
): SigningSummary {
  const isWhole = !leftOut.some(({ path }) => path.startsWith('feedback.'));
  const signing = [...policies.values()].filter(
    (policy) => policy.kind === 'signed' && policy.answer === 'signed_feedback',
  );
  const domains =
    feedback === undefined
      ? []
      : [[null, feedback.defaultDomain] as const, ...feedback.tenantDomains.entries()];
  return {
    policies: signing.map(({ name }) => name),
    domains: domains.map(([tenant, domain]) => domainSummary(tenant, domain, isWhole, nowMs)),
  };
}

function domainSummary(
  tenant: string | null,
  domain: SigningDomain,
  isWhole: boolean,
  nowMs: number,
): DomainSummary {
  const choice = domain.delegation?.roots ?? domain;
  const active = isWhole ? activeKeyOf(choice, nowMs) : undefined;
  const keys = choice.keys.map((key) => keySummary(key, active, nowMs));
  return { tenant, delegates: domain.delegation !== undefined, active_kid: active?.kid ?? null, keys };
}

function keySummary(key: FeedbackKey, active: FeedbackKey | undefined, nowMs: number): KeySummary {
  return {
    kid: key.kid,
    public_key_sha256: key.publicKey.fingerprint,
    state: key === active ? 'active' : stateOf(key, nowMs),
    not_before: momentOf(key.notBeforeMs),
    not_after: momentOf(key.notAfterMs),
  };
}

function stateOf({ notBeforeMs, notAfterMs }: FeedbackKey, nowMs: number): KeySummary['state'] {
  if (nowMs < notBeforeMs) return 'coming';
  return nowMs < notAfterMs ? 'ready' : 'ended';
}

function momentOf(milliseconds: number): string | null {
  return Number.isFinite(milliseconds) ? isoTime(milliseconds) : null;
}

/** The same as lines of text, without their ends. */
function signingLines({ policies, domains }: SigningSummary): string[] {
  if (policies.length === 0) return [];
  return [`signed answers: ${policies.join(', ')}`, ...domains.map(domainLine)];
}

function domainLine({ tenant, delegates, keys }: DomainSummary): string {
  const what = delegates ? 'root keys of keys in memory' : 'signing keys';
  const words =
    keys.length === 0
      ? 'not judged'
      : keys.map((key) => keyWords(key, delegates ? 'vouches now' : 'signs now')).join('; ');
  return `${what}: ${tenant === null ? 'by default' : `for tenant ${tenant}`}: ${words}`;
}

function keyWords({ kid, state, not_before: from, not_after: until }: KeySummary, active: string): string {
  const span = [from === null ? '' : ` from ${from}`, until === null ? '' : ` until ${until}`].join('');
  return `${kid} (${state === 'active' ? active : state}${span})`;
}
