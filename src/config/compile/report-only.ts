/** Report-only entries: which are in force, and what each of them gives up, said aloud by every load. */
import { quoteText } from '../../json/escape-text.js';
import type { RefusalCode } from '../../verify/refusal.js';
import { givenUpWith } from '../../verify/report-only/tolerance.js';
import type { Identity, Policy, ReportOnlyEntry } from '../../verify/snapshot.js';
import type { ReportOnlyInput } from '../schema/report-only.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { ConfigurationNode, LoadContext } from './context.js';

const DAY_MILLISECONDS = 24 * 3_600_000;
/** What is to end has to be looked at again by then. */
const maxDays = 30;

/** What entries may name. */
interface Known {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly identities: ReadonlyMap<string, Identity>;
}

/** The entries that have not ended, in the order of the file; undefined where there is none. Faults are noted. */
export function compileReportOnly(
  input: ConfigurationInput,
  known: Known,
  load: LoadContext,
): readonly ReportOnlyEntry[] | undefined {
  const entries = input.reportOnly.flatMap((entry, index) => {
    const node = load.at('reportOnly', index);
    const compiled = compileEntry(entry, known, node);
    return compiled === undefined ? [] : [compiled];
  });
  return entries.length === 0 ? undefined : entries;
}

/** Undefined for one that has ended: a verifier that starts again after the end enforces, and serves. */
function compileEntry(
  { until, reason, policies, identities, checks }: ReportOnlyInput,
  known: Known,
  node: ConfigurationNode,
): ReportOnlyEntry | undefined {
  const untilMs = Date.parse(until);
  judgeNames(policies, identities, known, node);
  judgeChecks(checks, node);
  if (untilMs > node.load.nowMs + maxDays * DAY_MILLISECONDS)
    node
      .at('until')
      .problem(
        `is more than ${maxDays} days from now`,
        `choose a moment within ${maxDays} days, and look at what was reported before you move it`,
      );
  if (untilMs <= node.load.nowMs) {
    node.warn(`has ended at ${until}: everything is enforced again; take the entry out`);
    return undefined;
  }
  node.warn(
    `REPORT-ONLY until ${until}, ${scopeText(policies, identities)}: ${checks.join(', ')} ${checks.length === 1 ? 'is' : 'are'} reported and let pass: ${reason}`,
  );
  warnOfStrangers(checks, identities !== undefined, node);
  warnOfDependents(checks, node);
  return {
    untilMs,
    reason,
    policies: policies && new Set(policies),
    identities: identities && new Set(identities),
    checks: new Set(checks),
  };
}

function scopeText(
  policies: readonly string[] | undefined,
  identities: readonly string[] | undefined,
): string {
  const on = policies === undefined ? 'on every signed policy' : `on ${listed(policies)}`;
  return identities === undefined
    ? `${on}, for everybody`
    : `${on}, for requests that name ${listed(identities)}`;
}

/** Names that are shown; the file has all. */
const shownNames = 5;

function listed(names: readonly string[]): string {
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : '';
  return `${names
    .slice(0, shownNames)
    .map((name) => quoteText(name))
    .join(', ')}${more}`;
}

function judgeNames(
  policies: readonly string[] | undefined,
  identities: readonly string[] | undefined,
  known: Known,
  node: ConfigurationNode,
): void {
  policies?.forEach((name, index) => {
    const at = node.at('policies', index);
    const policy = known.policies.get(name);
    if (policy === undefined)
      at.problem(`there is no policy ${quoteText(name)}`, 'correct the name, or remove it');
    else if (policy.kind === 'pass_through')
      at.problem(`${quoteText(name)} checks nothing, so nothing is reported there`, 'remove it');
  });
  identities?.forEach((name, index) => {
    if (!known.identities.has(name))
      node
        .at('identities', index)
        .problem(
          `there is no identity ${quoteText(name)}`,
          'correct the name; for names that are not configured yet leave `identities` out and name identity_unknown',
        );
  });
}

function judgeChecks(checks: readonly RefusalCode[], node: ConfigurationNode): void {
  checks.forEach((code, index) => {
    if (givenUpWith(code) === 'never')
      node
        .at('checks', index)
        .problem(
          `${code} is never let pass: nothing can be judged there, or somebody has said no`,
          'remove it; docs/roll-out.md lists the codes that can be named',
        );
    else if (checks.indexOf(code) !== index)
      node.at('checks', index).problem(`repeats ${code}`, 'name each code once');
  });
}

/** Who may pass now, where neither certificate nor signature has to be right any more. */
function warnOfStrangers(checks: readonly RefusalCode[], isNamed: boolean, node: ConfigurationNode): void {
  const named = new Set(checks);
  if (named.has('pin_mismatch') && named.has('signature_invalid'))
    node
      .at('checks')
      .warn(
        `whoever Envoy lets connect passes${isNamed ? ' by claiming one of these names' : ''}, without a pinned certificate and without a signature`,
      );
  for (const code of checks) {
    const givenUp = givenUpWith(code);
    if (givenUp === 'tenant')
      node.at('checks').warn(`${code}: a caller may speak for tenants that are not its own`);
    if (givenUp === 'once')
      node.at('checks').warn(`${code}: a request may reach the application again and again`);
  }
}

/** What cannot be judged once a code is let pass, and so has to be named as well, or nothing passes. */
const dependents: readonly (readonly [codes: readonly RefusalCode[], needed: RefusalCode])[] = [
  [['certificate_missing', 'certificate_malformed', 'certificate_sources_disagree'], 'pin_mismatch'],
  [['identity_unknown'], 'pin_mismatch'],
  [['identity_unknown', 'header_missing', 'header_duplicate', 'header_malformed'], 'signature_invalid'],
];

function warnOfDependents(checks: readonly RefusalCode[], node: ConfigurationNode): void {
  for (const [codes, needed] of dependents)
    for (const code of codes)
      if (checks.includes(code) && !checks.includes(needed))
        node
          .at('checks')
          .warn(`${code} has no effect without ${needed}, which cannot be judged then and counts as refused`);
}
