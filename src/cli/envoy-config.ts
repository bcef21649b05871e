/** `countersign envoy-config`: Envoy's bootstrap and SDS files out of our configuration, or parts of them for an Envoy of one's own. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { directoryFault } from '../config/compile/writable-paths.js';
import { Findings } from '../config/document/findings.js';
import type { EnvoySettings, ServerSettings } from '../config/settings.js';
import type { EnvoyFilesInput } from '../envoy-config/envoy-files.js';
import { FRAGMENT_KINDS, type FragmentKind } from '../envoy-config/fragments/kinds.js';
import { escapeControls, quoteText } from '../json/escape-text.js';
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
  readonly only?: readonly FragmentKind[];
  readonly xds?: true;
  readonly address?: readonly string[];
}

/** Of the bootstrap, where a directory is given for all files. */
const BOOTSTRAP_FILE = 'envoy.yaml';

/** What LDS, RDS, CDS and SDS carry. */
const RESOURCE_KINDS: ReadonlySet<FragmentKind> = new Set(['listener', 'routes', 'clusters', 'secrets']);

/** The renderer is loaded when it is wanted. */
async function envoyConfig(world: CliWorld, file: string, options: EnvoyConfigOptions): Promise<ExitCode> {
  refuseContradictions(options);
  const loaded = await loadReporting(world, file, options);
  if (!loaded.ok) return ExitCode.refused;
  for (const line of leftOutLines(loaded.leftOut)) world.err(`${escapeControls(line)}\n`);
  const { settings, snapshot } = loaded.configuration;
  if (settings.envoy === undefined)
    throw new CliFault(
      `${file} has no "envoy" section`,
      'add one, as the example in docs/configuration.md has it',
    );
  const envoy = await listeningOn(settings.envoy, settings, options.address);
  const input = { settings, envoy, snapshot, sdsDirectory: sdsDirectoryOf(envoy, options) };
  await (options.only === undefined ? writeWholeGateway : writeFragments)(world, input, options);
  return ExitCode.good;
}

/** The bootstrap, and the SDS files where it looks for them. */
async function writeWholeGateway(
  world: CliWorld,
  input: EnvoyFilesInput,
  options: EnvoyConfigOptions,
): Promise<void> {
  const { envoyFilesOf } = await import('../envoy-config/envoy-files.js');
  const { bootstrap, sds } = envoyFilesOf(input);
  if (options.into !== undefined) {
    writeFiles(options.into, [[BOOTSTRAP_FILE, bootstrap], ...sds]);
    return;
  }
  if (options.sds !== false) writeFiles(input.sdsDirectory, [...sds]);
  writeResult(world, options.out, bootstrap);
}

/** Parts alone: nothing is written but what `--into` or `--out` asks for. */
async function writeFragments(
  world: CliWorld,
  input: EnvoyFilesInput,
  { only = [], xds, into, out }: EnvoyConfigOptions,
): Promise<void> {
  const { fragmentTexts } = await import('../envoy-config/fragments/print.js');
  const texts = fragmentTexts(input, new Set(only), {
    as: xds === true ? 'resources' : 'parts',
    documents: into === undefined ? 'one' : 'each',
  });
  if (into === undefined) writeResult(world, out, texts.map(({ text }) => text).join('---\n'));
  else
    writeFiles(
      into,
      texts.map(({ name, text }) => [name, text]),
    );
}

/** Other addresses for both listeners, held to the rules of the configuration's own. */
async function listeningOn(
  envoy: EnvoySettings,
  settings: ServerSettings,
  address: readonly string[] | undefined,
): Promise<EnvoySettings> {
  if (address === undefined) return envoy;
  const { checkAddresses } = await import('../config/compile/addresses.js');
  const { LoadContext } = await import('../config/compile/context.js');
  const moved = {
    ...envoy,
    listener: { ...envoy.listener, address: [...address] },
    health: envoy.health && { ...envoy.health, address: [...address] },
  };
  const findings = new Findings('--address');
  checkAddresses(moved, settings, new LoadContext({ findings, nowMs: 0, directory: '/' }).at('envoy'));
  const [problem] = findings.problems;
  if (problem !== undefined)
    throw usageFault(`--address: ${problem.path} ${problem.message}`, problem.remedy);
  return moved;
}

/** `--into` is for all files; which of them another option would move is not guessed. */
function refuseContradictions({ into, out, sds, only, xds }: EnvoyConfigOptions): void {
  if (xds === true && only === undefined)
    throw usageFault('--xds without --only', 'say which resources: --only listener,clusters,secrets');
  const noResource = xds === true ? only?.find((kind) => !RESOURCE_KINDS.has(kind)) : undefined;
  if (noResource !== undefined)
    throw usageFault(
      `--xds: ${noResource} is no resource of LDS, RDS, CDS or SDS`,
      `leave it out, or leave --xds out; resources are ${[...RESOURCE_KINDS].join(', ')}`,
    );
  if (into !== undefined && (out !== undefined || sds !== undefined))
    throw usageFault('--into together with --out, --sds or --no-sds', 'give --into alone');
}

function sdsDirectoryOf(envoy: EnvoySettings, { sds }: EnvoyConfigOptions): string {
  return typeof sds === 'string' ? resolve(sds) : envoy.tls.sdsDirectory;
}

/** Moved into place, which is what Envoy notices. */
function writeFiles(directory: string, files: readonly (readonly [name: string, content: string])[]): void {
  const fault = directoryFault(directory);
  if (fault !== undefined) throw new CliFault(`${directory} ${fault[0]}`, fault[1]);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw unwritable(directory, error);
  }
  for (const [name, content] of files) writeWhole(join(directory, name), content);
}

/** Every name is one of the list. */
function fragmentKinds(text: string): readonly FragmentKind[] {
  return text.split(',').map((name) => {
    const kind = FRAGMENT_KINDS.find((one) => one === name);
    if (kind === undefined)
      throw usageFault(`--only: there is no ${quoteText(name)}`, `choose from ${FRAGMENT_KINDS.join(', ')}`);
    return kind;
  });
}

function addPartOptions(command: Command): void {
  command
    .option(
      '--only <kinds>',
      `parts for an Envoy of your own, by comma: ${FRAGMENT_KINDS.join(', ')}; nothing else is written`,
      fragmentKinds,
    )
    .option('--xds', 'with --only: listeners, clusters and routes as resources of LDS, CDS and RDS')
    .option(
      '--address <addresses>',
      "IP addresses for both listeners, by comma, in place of the configuration's",
      (text) => text.split(','),
    );
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
  addPartOptions(command);
  addOfflineOptions(command)
    .addHelpText(
      'after',
      examples(
        'countersign envoy-config --config countersign.yaml --out envoy.yaml',
        'countersign envoy-config --config countersign.yaml --only connection-manager,filters,routes,clusters',
        'countersign envoy-config --offline --installed-in /etc/countersign --config countersign.yaml --into envoy',
      ),
    )
    .action(configurationAction(session, envoyConfig));
};
