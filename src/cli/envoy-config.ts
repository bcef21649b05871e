/** `countersign envoy-config`: Envoy's bootstrap and SDS files out of our configuration. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { directoryFault } from '../config/compile/writable-paths.js';
import type { EnvoySettings } from '../config/settings.js';
import { escapeControls } from '../json/escape-text.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import {
  addConfigurationFile,
  addOfflineOptions,
  configurationAction,
  leftOutLines,
  loadReporting,
  type OfflineFlags,
} from './configuration.js';
import { unwritable, writeResult, writeWhole } from './files.js';

interface EnvoyConfigOptions extends OfflineFlags {
  readonly out?: string;
  /** A directory; `false` for `--no-sds`. */
  readonly sds?: string | false;
  readonly into?: string;
}

/** Of the bootstrap, where a directory is given for all files. */
const BOOTSTRAP_FILE = 'envoy.yaml';

/** The renderer is loaded when it is wanted. */
async function envoyConfig(world: CliWorld, file: string, options: EnvoyConfigOptions): Promise<ExitCode> {
  const { envoyFilesOf } = await import('../envoy-config/envoy-files.js');
  refuseTwoPlaces(options);
  const loaded = await loadReporting(world, file, options);
  if (!loaded.ok) return ExitCode.refused;
  for (const line of leftOutLines(loaded.leftOut)) world.err(`${escapeControls(line)}\n`);
  const { settings, snapshot } = loaded.configuration;
  const envoy = settings.envoy;
  if (envoy === undefined)
    throw new CliFault(
      `${file} has no "envoy" section`,
      'add one, as the example in docs/configuration.md has it',
    );
  const sdsDirectory = sdsDirectoryOf(envoy, options);
  const { bootstrap, sds } = envoyFilesOf({ settings, envoy, snapshot, sdsDirectory });
  if (options.into !== undefined) {
    writeFiles(options.into, new Map([[BOOTSTRAP_FILE, bootstrap], ...sds]));
    return ExitCode.good;
  }
  if (options.sds !== false) writeFiles(sdsDirectory, sds);
  writeResult(world, options.out, bootstrap);
  return ExitCode.good;
}

/** `--into` is for all files; which of them another option would move is not guessed. */
function refuseTwoPlaces({ into, out, sds }: EnvoyConfigOptions): void {
  if (into !== undefined && (out !== undefined || sds !== undefined))
    throw usageFault('--into together with --out, --sds or --no-sds', 'give --into alone');
}

function sdsDirectoryOf(envoy: EnvoySettings, { sds }: EnvoyConfigOptions): string {
  return typeof sds === 'string' ? resolve(sds) : envoy.tls.sdsDirectory;
}

/** Moved into place, which is what Envoy notices. */
function writeFiles(directory: string, files: ReadonlyMap<string, string>): void {
  const fault = directoryFault(directory);
  if (fault !== undefined) throw new CliFault(`${directory} ${fault[0]}`, fault[1]);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw unwritable(directory, error);
  }
  for (const [name, content] of files) writeWhole(join(directory, name), content);
}

/** Adds the command. */
export const registerEnvoyConfig: Register = (program, session) => {
  const command = program
    .command('envoy-config')
    .description("render Envoy's bootstrap, and write the SDS files that it names");
  addConfigurationFile(command, 'the configuration (YAML) with an "envoy" section')
    .option('-o, --out <file>', 'write the bootstrap here instead of standard output')
    .option('--sds <directory>', 'write the SDS files here instead of envoy.tls.sdsDirectory')
    .option('--no-sds', 'write no SDS files, only name them')
    .option(
      '--into <directory>',
      `write all files here, the bootstrap as ${BOOTSTRAP_FILE}; they name the places of the configuration`,
    );
  addOfflineOptions(command)
    .addHelpText(
      'after',
      examples(
        'countersign envoy-config --config countersign.yaml --out envoy.yaml',
        'countersign envoy-config --offline --installed-in /etc/countersign --config countersign.yaml --into envoy',
      ),
    )
    .action(configurationAction(session, envoyConfig));
};
