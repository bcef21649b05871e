/** `countersign rotate-key --feedback`: a new key of a signing domain, announced before it signs, and an end for those before it. */
import type { YamlEdit } from '../config/edit/edit-yaml.js';
import type { NewItem } from '../config/edit/scalar-text.js';
import { succession, wholeSecondsUp } from '../feedback/rotation.js';
import { isValidAt } from '../protocol/validity-interval.js';
import { CliFault, type CliWorld, ExitCode, usageFault } from './command.js';
import {
  commitEdits,
  openConfiguration,
  reportEdit,
  TAKEN_OVER,
  type EditFlags,
  type EditReport,
  type OpenConfiguration,
} from './edit-configuration.js';
import { removeMade } from './files.js';
import {
  makeKey,
  type DomainData,
  type FeedbackData,
  type FeedbackOptions,
  type Made,
} from './new-feedback-key.js';
import { endEdit, endedLines, endedMembers } from './rotate-identity.js';
import {
  endedBy,
  refuseGap,
  refusePending,
  spanOfTexts,
  type DatedEntry,
  type EndedEntry,
  type Handover,
} from './rotation-plan.js';
import { isoTime } from './text.js';

const DAY_MILLISECONDS = 86_400_000;
const DEFAULT_MILLISECONDS = 2 * DAY_MILLISECONDS;

/** The keys that one kind of consumers knows, and where they are in the file. */
interface PlacedDomain {
  readonly domain: DomainData;
  readonly at: readonly string[];
  readonly entries: readonly DatedEntry[];
}

/** Runs it. */
export async function rotateFeedbackKey(
  world: CliWorld,
  file: string,
  options: FeedbackOptions,
): Promise<ExitCode> {
  judge(options);
  const handover = handoverOf(options, world.nowMs());
  const open = await openConfiguration(world, file, options);
  if (open === undefined) return ExitCode.refused;
  const placed = domainOf(open, options.tenant);
  return options.activate === undefined
    ? addKey(world, open, placed, { ...options, handover })
    : activateKey(world, open, placed, { ...options, activate: options.activate });
}

function judge(options: FeedbackOptions): void {
  const { at, announce, activate, kid, privateKeyFile, source, key, keyVersion, publicKey } = options;
  if (at !== undefined && announce !== undefined)
    throw usageFault('--at and --announce both say when the key begins', 'give one');
  const remote = [source, key, publicKey];
  const isRemote = remote.some((value) => value !== undefined) || keyVersion !== undefined;
  if (isRemote && remote.includes(undefined))
    throw usageFault(
      'a key of a source is named by --source, --key and --public-key (and --key-version, of Vault)',
      'give all of them',
    );
  if (isRemote && privateKeyFile !== undefined)
    throw usageFault('a key is in a source or in a file', 'give --source or --private-key-file');
  const others = [at, announce, kid, privateKeyFile, source];
  if (activate !== undefined && others.some((value) => value !== undefined))
    throw usageFault('--activate makes no key', 'give it alone, or with --tenant and --overlap');
}

function domainOf({ data, file }: OpenConfiguration, tenant: string | undefined): PlacedDomain {
  const { feedback, keys } = data as {
    readonly feedback?: FeedbackData;
    readonly keys?: { readonly rotation?: object };
  };
  if (feedback === undefined)
    throw new CliFault(`${file} signs no answers`, 'add the section `feedback` first', ExitCode.refused);
  const domain = tenant === undefined ? feedback : feedback.tenants?.[tenant];
  if (domain === undefined)
    throw new CliFault(
      `${file} has no keys of its own for tenant ${tenant}`,
      'leave out --tenant, or add keys under feedback.tenants first',
      ExitCode.refused,
    );
  if (domain.delegation !== undefined)
    throw new CliFault(
      'the keys of this domain sign no answers: they are roots of a delegation, which consumers pin',
      'let consumers pin the next root first, and name it by hand: docs/keys.md#delegation',
      ExitCode.refused,
    );
  if (keys?.rotation !== undefined && domain.activeKid === undefined)
    throw new CliFault(
      'the keys of this domain are made on schedule, by keys.rotation',
      'wait for it, or take keys.rotation out of the configuration first',
      ExitCode.refused,
    );
  const entries = (domain.keys ?? []).map((key) => ({ what: `key ${key.kid}`, ...spanOfTexts(key) }));
  return { domain, at: tenant === undefined ? ['feedback'] : ['feedback', 'tenants', tenant], entries };
}

async function addKey(
  world: CliWorld,
  open: OpenConfiguration,
  { domain, at, entries }: PlacedDomain,
  options: FeedbackOptions & { readonly handover: Handover },
): Promise<ExitCode> {
  const nowMs = world.nowMs();
  const { handover } = options;
  refusePending(entries, nowMs);
  refuseGap(entries, handover, nowMs);
  // Where the file names the key that signs, nothing ends before that name has moved.
  const ended = domain.activeKid === undefined ? endedBy(entries, handover, nowMs) : [];
  const made = makeKey(world, open, domain, options);
  const item: NewItem = [...made.item, ['notBefore', isoTime(handover.beginMs)]];
  const edits: YamlEdit[] = [
    ...ended.map(({ index, notAfterMs }) => endEdit([...at, 'keys', index], notAfterMs)),
    { kind: 'append', at, name: 'keys', items: [item] },
  ];
  const report = addedReport(made, domain, handover, { ended, ...options });
  const isKept = await commitAndReport(world, open, edits, {
    ...options,
    ...report,
    unmade: made.unmade,
  }).catch((error: unknown) => {
    forget(made, options);
    throw error;
  });
  if (!isKept) forget(made, options);
  return isKept ? ExitCode.good : ExitCode.refused;
}

function forget({ unmade }: Made, { dryRun }: EditFlags): void {
  if (unmade !== undefined && dryRun !== true) removeMade(unmade);
}

function handoverOf({ at, announce, overlap }: FeedbackOptions, nowMs: number): Handover {
  if (at !== undefined && at <= nowMs)
    throw usageFault(`--at ${isoTime(at)} is over`, 'name a moment to come, or give --announce');
  const announceMs = at === undefined ? (announce ?? DEFAULT_MILLISECONDS) : at - nowMs;
  const { notBeforeMs, formerNotAfterMs } = succession(
    { announceMs, overlapMs: overlap ?? DEFAULT_MILLISECONDS },
    nowMs,
  );
  return { beginMs: notBeforeMs, endMs: formerNotAfterMs };
}

function addedReport(
  { kid, publicKey, unmade }: Made,
  { activeKid }: DomainData,
  { beginMs }: Handover,
  { ended, dryRun }: EditFlags & { readonly ended: readonly EndedEntry[] },
): EditReport {
  const begins = isoTime(beginMs);
  const made = unmade === undefined ? [] : [`${dryRun ? 'would make' : 'made'} ${unmade} (keep it secret)`];
  return {
    lines: [
      ...made,
      activeKid === undefined
        ? `key ${kid} is published from now on and signs from ${begins}`
        : `key ${kid} is published from now on; ${activeKid} goes on signing, as activeKid names it: when all consumers have the new key, after ${begins}, run rotate-key --feedback --activate ${kid}`,
      ...endedLines(ended),
      'consumers with a keyring of their own need it before then: countersign keyring, or /keyring of the admin port',
      ...(dryRun ? [] : [TAKEN_OVER]),
    ],
    members: {
      kid,
      public_key: publicKey ?? null,
      ...(unmade !== undefined && { private_key_file: unmade }),
      not_before: begins,
      ended: endedMembers(ended),
    },
  };
}

async function activateKey(
  world: CliWorld,
  open: OpenConfiguration,
  { domain, at, entries }: PlacedDomain,
  options: FeedbackOptions & { readonly activate: string },
): Promise<ExitCode> {
  const nowMs = world.nowMs();
  const { activate: kid } = options;
  refuseActivation({ domain, entries }, kid, nowMs);
  const endMs = wholeSecondsUp(nowMs + (options.overlap ?? DEFAULT_MILLISECONDS));
  const ended = endedBy(entries, { beginMs: nowMs, endMs }, nowMs).filter(
    ({ what }) => what !== `key ${kid}`,
  );
  const edits: YamlEdit[] = [
    { kind: 'set', at, name: 'activeKid', value: kid },
    ...ended.map(({ index, notAfterMs }) => endEdit([...at, 'keys', index], notAfterMs)),
  ];
  const report: EditReport = {
    lines: [
      `key ${kid} signs from the next reload on`,
      ...endedLines(ended),
      ...(options.dryRun ? [] : [TAKEN_OVER]),
    ],
    members: { kid, ended: endedMembers(ended) },
  };
  const isKept = await commitAndReport(world, open, edits, { ...options, ...report });
  return isKept ? ExitCode.good : ExitCode.refused;
}

function refuseActivation(
  { domain, entries }: Pick<PlacedDomain, 'domain' | 'entries'>,
  kid: string,
  nowMs: number,
): void {
  const refuse = (message: string, remedy: string): never => {
    throw new CliFault(message, remedy, ExitCode.refused);
  };
  if (domain.activeKid === undefined)
    refuse('this domain has no activeKid: the newest valid key signs by itself', 'leave out --activate');
  if (domain.activeKid === kid) refuse(`${kid} is the key that signs already`, 'name another key');
  const entry = entries[(domain.keys ?? []).findIndex((key) => key.kid === kid)];
  if (entry === undefined)
    return refuse(`this domain has no key ${kid}`, 'add it first: rotate-key --feedback');
  if (!isValidAt(entry, nowMs))
    refuse(
      `${kid} counts ${nowMs < entry.notBeforeMs ? `from ${isoTime(entry.notBeforeMs)} on` : 'no more'}`,
      'activate a key that is valid now',
    );
}

/** False where the loader does not take it. */
async function commitAndReport(
  world: CliWorld,
  open: OpenConfiguration,
  edits: readonly YamlEdit[],
  options: EditFlags & EditReport & { readonly unmade?: string | undefined },
): Promise<boolean> {
  const edited = await commitEdits(world, open, edits, options);
  if (edited === undefined) return false;
  reportEdit(world, open, edited, options);
  return true;
}
