/** `countersign envoy-config`: Envoy's bootstrap and SDS files out of our configuration. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { directoryFault } from '../config/compile/writable-paths.js';
import type { EnvoySettings } from '../config/settings.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples } from './command.js';
import { addConfigurationFile, configurationAction, loadReporting } from './configuration.js';
import { unwritable, writeResult, writeWhole } from './files.js';

interface EnvoyConfigOptions {
  readonly out?: string;
  /** A directory; `true` when neither `--sds` nor `--no-sds` is there, `false` for `--no-sds`. */
  readonly sds: string | boolean;
}

/** The renderer is loaded when it is wanted. */
async function envoyConfig(world: CliWorld, file: string, options: EnvoyConfigOptions): Promise<ExitCode> {
  const { envoyFilesOf } = await import('../envoy-config/envoy-files.js');
  const loaded = await loadReporting(world, file);
  if (!loaded.ok) return ExitCode.refused;
  const { settings, snapshot } = loaded.configuration;
  const envoy = settings.envoy;
  if (envoy === undefined)
    throw new CliFault(
      `${file} has no "envoy" section`,
      'add one, as the example in docs/configuration.md has it',
    );
  const sdsDirectory = sdsDirectoryOf(envoy, options);
  const files = envoyFilesOf({ settings, envoy, snapshot, sdsDirectory });
  if (options.sds !== false) writeSds(sdsDirectory, files.sds);
  writeResult(world, options.out, files.bootstrap);
  return ExitCode.good;
}

function sdsDirectoryOf(envoy: EnvoySettings, { sds }: EnvoyConfigOptions): string {
  return typeof sds === 'string' ? resolve(sds) : envoy.tls.sdsDirectory;
}

/** Moved into place, which is what Envoy notices. */
function writeSds(directory: string, files: ReadonlyMap<string, string>): void {
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
    .addHelpText('after', examples('countersign envoy-config --config countersign.yaml --out envoy.yaml'))
    .action(configurationAction(session, envoyConfig));
};
