/**
 * A configuration that a command edits: judged by the loader before and after, told as a diff, replaced whole or not at all.
 * The loader and the editor are loaded when they are wanted.
 */
import type { YamlEdit } from '../config/edit/edit-yaml.js';
import { readReplaceable, replaceFile, type ReplaceableFile } from '../config/files/replace-file.js';
import type { Configuration, ConfigurationWarning } from '../config/settings.js';
import { escapeControls } from '../json/escape-text.js';
import { CliFault, type CliWorld, ExitCode } from './command.js';
import { loadReporting } from './configuration.js';
import { readOrFault } from './files.js';
import { jsonText } from './text.js';

/** A configuration as it is now. */
export interface OpenConfiguration {
  /** As the command line names it. */
  readonly file: string;
  readonly old: ReplaceableFile;
  /** With a byte-order mark where there is one. */
  readonly text: string;
  /** Plain data, which the loader has taken: what it does not know is not in it. */
  readonly data: unknown;
  readonly configuration: Configuration;
}

/** Of every command that edits. */
export interface EditFlags {
  readonly dryRun?: true;
  readonly json?: true;
}

/** Undefined where the loader does not take it; what is wrong has been told then. */
export async function openConfiguration(
  world: CliWorld,
  file: string,
  { json }: EditFlags,
): Promise<OpenConfiguration | undefined> {
  const old = readOrFault('the configuration:', file, readReplaceable(file));
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(old.bytes);
  const loaded = await loadReporting(world, file, { text: withoutMark(text), ...(json && { json }) });
  if (!loaded.ok) return undefined;
  const { yamlData } = await import('../config/edit/edit-yaml.js');
  return { file, old, text, data: yamlData(text), configuration: loaded.configuration };
}

/** What an edit came to. */
export interface Edited {
  readonly diff: string;
  /** Of the configuration after it. */
  readonly warnings: readonly ConfigurationWarning[];
}

/**
 * Makes the edits, or, for a dry run, does everything but that. Undefined where the loader does not take the result; what is
 * wrong has been told then, and nothing has changed.
 * @param unmade absolute path of a file that the edits name and a dry run does not make.
 */
export async function commitEdits(
  world: CliWorld,
  open: OpenConfiguration,
  edits: readonly YamlEdit[],
  { dryRun, json, unmade }: EditFlags & { readonly unmade?: string | undefined },
): Promise<Edited | undefined> {
  const { editYaml } = await import('../config/edit/edit-yaml.js');
  const { unifiedDiff } = await import('../config/edit/unified-diff.js');
  const edited = editYaml(open.text, edits);
  if (!edited.ok) throw byHand(open.file, edited, edits);
  const isWithout = dryRun === true && unmade !== undefined;
  const loaded = await loadReporting(world, open.file, {
    text: withoutMark(edited.text),
    ...(json && { json }),
    ...(isWithout && { offline: true }),
  });
  if (!loaded.ok) {
    if (json !== true) world.err(`nothing has changed: the loader refuses what ${open.file} would be\n`);
    return undefined;
  }
  const missing = loaded.leftOut.find(({ file }) => file !== unmade);
  if (missing !== undefined) throw new CliFault(`${missing.file} is gone`, 'look at it, and run this again');
  if (dryRun !== true) {
    const replaced = replaceFile(open.old, Buffer.from(edited.text));
    if (!replaced.ok)
      throw new CliFault(`the configuration: ${open.file} ${replaced.message}`, replaced.remedy);
  }
  return {
    diff: unifiedDiff(open.file, open.text, edited.splices),
    warnings: loaded.configuration.warnings,
  };
}

function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, '');
}

function byHand(
  file: string,
  { path, message }: { readonly path: string; readonly message: string },
  edits: readonly YamlEdit[],
): CliFault {
  const steps = edits.map(stepText).join('; ');
  return new CliFault(
    `${file}: ${path === '' ? 'it' : path} ${message}`,
    `nothing has changed; write it by hand: ${steps}`,
    ExitCode.refused,
  );
}

/** JSON is YAML too. */
function stepText(edit: YamlEdit): string {
  const place = [...edit.at, edit.name].join('.');
  if (edit.kind === 'set') return `set ${place} to ${edit.value}`;
  const items = edit.items.map((item) => JSON.stringify(Object.fromEntries(item)));
  return `add to ${place}: ${items.join(', ')}`;
}

/** What a command has done, in sentences and for scripts. */
export interface EditReport {
  readonly lines: readonly string[];
  readonly members: Readonly<Record<string, unknown>>;
}

/** Tells it: of a dry run the diff alone on standard output, so that `patch` takes it. */
export function reportEdit(
  world: CliWorld,
  { file }: Pick<OpenConfiguration, 'file'>,
  { diff, warnings }: Edited,
  { lines, members, dryRun, json }: EditReport & EditFlags,
): void {
  if (json) {
    world.out(jsonText({ ok: true, dry_run: dryRun === true, file, ...members, diff, warnings }));
    return;
  }
  const warned = warnings.map(({ path, message }) => `warning: ${path}: ${message}`);
  const told = [...lines, ...warned].map((line) => `${escapeControls(line)}\n`).join('');
  world.out(dryRun ? shownDiff(diff) : told);
  if (dryRun) world.err(`${told}nothing has changed: this was a dry run\n`);
}

/** Line ends, and carriage returns before them, are the diff's own. */
function shownDiff(diff: string): string {
  return diff
    .split('\n')
    .map((line) => (line.endsWith('\r') ? `${escapeControls(line.slice(0, -1))}\r` : escapeControls(line)))
    .join('\n');
}

/** Told where a running verifier may be. */
export const TAKEN_OVER =
  'a verifier that runs with it takes it over within two seconds: countersign_configuration_last_reload_successful and /status say so';
