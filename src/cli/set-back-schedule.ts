/**
 * `countersign rotate-key --feedback --clock-is`: sets the lists of `keys.rotation` back that a clock which was ahead has
 * written. Only the lists change, each whole; the next round of the verifier wipes the key files that they name no more.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readReplaceable, replaceFile } from '../config/files/replace-file.js';
import { CliFault, type CliWorld, ExitCode, usageFault } from './command.js';
import { openConfiguration, TAKEN_OVER, type EditFlags } from './edit-configuration.js';
import { readOrFault } from './files.js';
import { escapeControls } from '../json/escape-text.js';
import { faultText, isoTime, jsonText } from './text.js';

interface SetBackOptions extends EditFlags {
  readonly tenant?: string;
  /** Unix milliseconds: what a clock elsewhere says. */
  readonly clockIs: number;
}

/** Of somebody who reads one clock and types it. */
const TYPING_MILLISECONDS = 300_000;

/** One list, as `--json` shows it. */
interface ListSummary {
  readonly domain: string;
  readonly list: string;
  readonly written?: string;
  readonly removed?: readonly string[];
  readonly reopened?: string | null;
  readonly signs?: string | null;
  /** Why it was left as it is. */
  readonly fault?: string;
}

/** Runs it. */
export async function setBackSchedule(
  world: CliWorld,
  file: string,
  options: SetBackOptions,
): Promise<ExitCode> {
  const nowMs = world.nowMs();
  if (Math.abs(options.clockIs - nowMs) > TYPING_MILLISECONDS)
    throw usageFault(
      `the clock of this machine says ${isoTime(nowMs)}, and --clock-is ${isoTime(options.clockIs)}`,
      'set the clock first, and give what another clock says now',
    );
  const open = await openConfiguration(world, file, options);
  if (open === undefined) return ExitCode.refused;
  const { rotatedOf } = await import('../serve/reload/load-files.js');
  const rotated = rotatedOf(open.configuration);
  const { tenant: wanted } = options;
  const domains = rotated?.domains.filter(({ tenant }) => wanted === undefined || tenant === wanted) ?? [];
  if (rotated === undefined || domains.length === 0)
    throw new CliFault(
      `${file} has no keys on schedule${wanted === undefined ? '' : ` for tenant ${wanted}`}`,
      '--clock-is is about the lists of keys.rotation; leave it out',
      ExitCode.refused,
    );
  const lists: ListSummary[] = [];
  for (const { tenant } of domains) {
    const list = await setBackList(rotated.settings.directory, tenant, nowMs, options);
    if (list !== undefined) lists.push(list);
  }
  return report(world, lists, options);
}

/** Undefined where it is not ahead, or not there. */
async function setBackList(
  root: string,
  tenant: string | undefined,
  nowMs: number,
  { dryRun }: EditFlags,
): Promise<ListSummary | undefined> {
  const { domainDirectory, MANIFEST_NAME, manifestText, MAX_MANIFEST_BYTES, parseManifest } =
    await import('../keys/rotation/manifest.js');
  const { setBack } = await import('../keys/rotation/set-back.js');
  const list = join(domainDirectory(root, tenant), MANIFEST_NAME);
  const domain = tenant ?? 'default';
  if (!existsSync(list)) return undefined;
  try {
    const old = readOrFault('the list:', list, readReplaceable(list, MAX_MANIFEST_BYTES));
    const parsed = parseManifest(old.bytes.toString('utf8'));
    if (!parsed.ok) return { domain, list, fault: parsed.message };
    const set = setBack(parsed.manifest, nowMs);
    if (set === undefined) return undefined;
    if (dryRun !== true) {
      const replaced = replaceFile(old, Buffer.from(manifestText(set.manifest)));
      if (!replaced.ok) return { domain, list, fault: `${replaced.message}; ${replaced.remedy}` };
    }
    const { removed, reopened, signs } = set;
    return {
      ...{ domain, list, written: isoTime(parsed.manifest.writtenMs) },
      removed: removed.map(({ kid }) => kid),
      reopened: reopened?.kid ?? null,
      signs: signs?.kid ?? null,
    };
  } catch (error) {
    if (error instanceof CliFault) return { domain, list, fault: `${error.message}; ${error.remedy}` };
    throw error;
  }
}

function report(world: CliWorld, lists: readonly ListSummary[], { dryRun, json }: EditFlags): ExitCode {
  const failed = lists.filter(({ fault }) => fault !== undefined);
  if (json === true) world.out(jsonText({ dry_run: dryRun === true, lists }));
  else {
    for (const { list, fault = '' } of failed)
      world.err(faultText({ message: `${list}: ${fault}`, remedy: 'docs/keys.md says how it is written' }));
    const done = lists.filter(({ fault }) => fault === undefined);
    for (const list of done)
      world.out(
        `${linesOf(list, dryRun === true)
          .map(escapeControls)
          .join('\n')}\n`,
      );
    if (lists.length === 0) world.err('no list is ahead of the clock: nothing has changed\n');
    else if (done.length > 0 && dryRun !== true) world.out(`${TAKEN_OVER}\n`);
  }
  if (failed.length > 0) return ExitCode.cannot;
  return lists.length === 0 ? ExitCode.refused : ExitCode.good;
}

function linesOf({ list, written, removed = [], reopened, signs }: ListSummary, isDry: boolean): string[] {
  return [
    `${list}: was written at ${written}, which is ahead: ${isDry ? 'would be set back' : 'is set back'}`,
    ...removed.map((kid) => `  key ${kid} goes, as it would begin in the future`),
    ...(typeof reopened !== 'string' ? [] : [`  key ${reopened} goes on, without an end`]),
    typeof signs !== 'string'
      ? '  NO KEY is left that signs: a new one signs at once, and consumers need its keyring'
      : `  key ${signs} signs`,
  ];
}
