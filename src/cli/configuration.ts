/** The configuration that several commands take: as an argument or an option, loaded as the server does, its problems told. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { unreadable } from '../config/files/read-file.js';
import type { OfflineOptions } from '../config/compile/offline.js';
import type { LeftOutFile, LoadResult } from '../config/settings.js';
import { CliFault, type CliWorld, type ExitCode, type Session, usageFault } from './command.js';
import { jsonText } from './text.js';

/** Adds the argument and the option, either of which names the file. */
export function addConfigurationFile(command: Command, what = 'the configuration (YAML)'): Command {
  return command
    .argument('[file]', 'the configuration, if not given by --config')
    .option('-c, --config <file>', what);
}

/** What the two options of an offline load say. */
export interface OfflineFlags {
  readonly offline?: true;
  readonly installedIn?: string;
}

/** Adds them. */
export function addOfflineOptions(command: Command): Command {
  return command
    .option('--offline', 'do without files that are not here, and list them: no secret is needed')
    .option(
      '--installed-in <directory>',
      'with --offline: where the configuration will lie, and relative paths begin',
    );
}

function offlineOf({ offline, installedIn }: OfflineFlags): OfflineOptions | undefined {
  if (offline === true) return { installedIn: installedIn === undefined ? undefined : resolve(installedIn) };
  if (installedIn !== undefined) throw usageFault('--installed-in without --offline', 'add --offline');
  return undefined;
}

/** One sentence about each file that was left out. The list is as long as the configuration. */
export function leftOutLines(leftOut: readonly LeftOutFile[]): string[] {
  return leftOut.map(({ path, file, kind }) => `not judged: ${path}: ${file} is not here (${kind})`);
}

/** What commander gives of such a command: the argument, its options and itself. */
type Given<Options> = [
  argument: string | undefined,
  options: Options & { readonly config?: string },
  Command,
];

/** `Session.action` for a command with such a file. */
export function configurationAction<Options>(
  session: Session,
  run: (world: CliWorld, file: string, options: Options) => Promise<ExitCode>,
): (...given: Given<Options>) => Promise<void> {
  return (argument, options, command) =>
    session.action((world) => run(world, chosenFile(argument, options.config), options))(command);
}

/** Exactly one file, and one that is there: a missing file is no bad configuration. */
function chosenFile(argument: string | undefined, option: string | undefined): string {
  const file = option ?? argument;
  if (file === undefined) throw usageFault('no configuration file', 'give --config FILE');
  if (option !== undefined && argument !== undefined && option !== argument)
    throw usageFault('two configuration files', 'give one');
  try {
    statSync(file);
    return file;
  } catch (error) {
    const { message, remedy } = unreadable(error);
    throw new CliFault(`the configuration: ${file} ${message}`, remedy);
  }
}

interface LoadFlags extends OfflineFlags {
  readonly json?: true;
  readonly workers?: number;
  /** Judged in the place of what the file holds. */
  readonly text?: string;
}

/** Loads it and says what is wrong with it. The loader brings the schema library along, so it is loaded when it is wanted. */
export async function loadReporting(
  world: CliWorld,
  file: string,
  { json, workers, text, ...flags }: LoadFlags = {},
): Promise<LoadResult> {
  const offline = offlineOf(flags);
  const { loadConfiguration } = await import('../config/load.js');
  const { renderProblems } = await import('../config/document/findings.js');
  const loaded = loadConfiguration(file, { generation: 1, nowMs: world.nowMs(), workers, offline, text });
  if (loaded.ok) return loaded;
  if (json) world.out(jsonText({ ok: false, file, problems: loaded.problems }));
  else world.err(`${renderProblems(loaded.problems)}\n`);
  return loaded;
}
