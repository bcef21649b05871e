/** `countersign doctor`: judges an Envoy, running or written down, by what the verifier needs of it. */
import type { AdminAddress } from '../observability/admin-client.js';
import type { Facts } from '../doctor/facts.js';
import type { EnvoyParts } from '../doctor/read/dump.js';
import { workerSocketPaths } from '../config/settings.js';
import { packageVersion } from '../observability/package-version.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { loadReporting } from './configuration.js';
import { readArgumentText, readOrFault, STANDARD_STREAM } from './files.js';
import { adminAddress, collecting, httpUrl } from './option-values.js';
import { jsonText } from './text.js';

interface DoctorOptions {
  readonly config?: string;
  readonly envoyAdmin?: AdminAddress;
  readonly dump?: string;
  readonly bootstrap?: string;
  readonly admin?: URL;
  readonly cluster?: readonly string[];
  readonly json?: true;
  readonly sarif?: true;
}

/** What was given to judge, and what was seen on the way. */
interface Source {
  readonly name: string;
  readonly parts: EnvoyParts;
  readonly clocks: Facts['clocks'];
}

async function doctor(world: CliWorld, options: DoctorOptions): Promise<ExitCode> {
  if (options.json && options.sarif) throw usageFault('--json and --sarif exclude each other', 'give one');
  const source = await sourceOf(world, options);
  const { config } = options;
  const loaded = config === undefined ? undefined : await loadReporting(world, config);
  if (loaded?.ok === false) return ExitCode.refused;
  const configuration = loaded?.configuration;
  const { envoyOf } = await import('../doctor/model/envoy.js');
  const { judge, isBad } = await import('../doctor/judge.js');
  const { gatherFacts } = await import('../doctor/read/gather.js');
  const envoy = envoyOf(source.parts, {
    sockets: configuration === undefined ? [] : workerSocketPaths(configuration.settings),
    clusterNames: options.cluster ?? [],
  });
  const facts = await gatherFacts({
    envoy,
    configuration,
    verifierAdmin: options.admin,
    clocks: source.clocks,
  });
  const verdict = judge({ envoy, configuration, facts, nowMs: world.nowMs() });
  world.out(await reportOf(source.name, verdict, options));
  return isBad(verdict) ? ExitCode.refused : ExitCode.good;
}

async function reportOf(
  source: string,
  verdict: Parameters<typeof import('../doctor/report/text.js').textReport>[1],
  { json, sarif }: DoctorOptions,
): Promise<string> {
  if (json) return jsonText((await import('../doctor/report/json.js')).jsonReport(source, verdict));
  if (!sarif) return (await import('../doctor/report/text.js')).textReport(source, verdict);
  const { sarifReport } = await import('../doctor/report/sarif.js');
  return jsonText(sarifReport({ source, version: packageVersion() }, verdict));
}

async function sourceOf(world: CliWorld, options: DoctorOptions): Promise<Source> {
  const { envoyAdmin, dump, bootstrap } = options;
  const given = [envoyAdmin, dump, bootstrap].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw usageFault(
      'doctor needs one Envoy to judge',
      'give one of --envoy-admin URL, --dump FILE and --bootstrap FILE',
    );
  if (envoyAdmin !== undefined) return runningSource(envoyAdmin);
  const name = dump ?? bootstrap ?? '';
  return { name, parts: await partsIn(name, await textOf(world, name)), clocks: [] };
}

async function textOf(world: CliWorld, name: string): Promise<string> {
  const { MAX_DUMP_BYTES } = await import('../doctor/read/document.js');
  if (name === STANDARD_STREAM) return Buffer.from(await world.readInput(MAX_DUMP_BYTES)).toString();
  return readOrFault("Envoy's configuration:", name, readArgumentText(name, MAX_DUMP_BYTES)).text;
}

async function partsIn(name: string, text: string): Promise<EnvoyParts> {
  const { readDocument } = await import('../doctor/read/document.js');
  const parts = readDocument(name, text);
  if ('message' in parts) throw new CliFault(`${name} ${parts.message}`, parts.remedy);
  return parts;
}

/** Endpoints are asked for as well, as those of EDS are nowhere else. */
const DUMP_PATH = '/config_dump?include_eds';
const TIMEOUT_MILLISECONDS = 15_000;

async function runningSource(address: AdminAddress): Promise<Source> {
  const { getAdminPage } = await import('../observability/admin-client.js');
  const { MAX_DUMP_BYTES } = await import('../doctor/read/document.js');
  const name = address.kind === 'tcp' ? address.url.origin : `unix:${address.path}`;
  const remedy = "give the address of Envoy's admin endpoint, as in envoy.admin of the configuration";
  const bounds = { maxBytes: MAX_DUMP_BYTES, timeoutMilliseconds: TIMEOUT_MILLISECONDS };
  const page = await getAdminPage(address, DUMP_PATH, bounds).catch((error: unknown) => {
    throw new CliFault(`${name}: ${error instanceof Error ? error.message : String(error)}`, remedy);
  });
  if (page.status !== 200) throw new CliFault(`${name}${DUMP_PATH} answered ${page.status}`, remedy);
  const clocks = page.aheadSeconds === undefined ? [] : [{ who: 'Envoy', aheadSeconds: page.aheadSeconds }];
  return { name, parts: await partsIn(name, page.body), clocks };
}

const CLUSTER_NAME = /^[\x21-\x7e]{1,256}$/;

/** Adds the command. */
export const registerDoctor: Register = (program, session) => {
  program
    .command('doctor')
    .description('judge an Envoy: what of its configuration lets somebody in, or breaks the contract')
    .option(
      '-e, --envoy-admin <url>',
      "Envoy's admin endpoint: http://127.0.0.1:9901 or unix:/PATH",
      adminAddress,
    )
    .option('--dump <file>', 'a config_dump (- for standard input), also as egctl translates one')
    .option('--bootstrap <file>', 'a bootstrap, or a file of xDS resources (YAML or JSON)')
    .option('-c, --config <file>', "the verifier's configuration, to hold Envoy against")
    .option('--admin <url>', "the running verifier's admin port, such as http://127.0.0.1:9902", httpUrl)
    .option(
      '--cluster <name>',
      'a cluster that leads to the verifier, where its name or socket does not say so; may be given again',
      collecting(CLUSTER_NAME),
    )
    .option('--json', 'print JSON')
    .option('--sarif', 'print SARIF 2.1.0')
    .addHelpText(
      'after',
      examples(
        'countersign doctor --envoy-admin http://127.0.0.1:9901 --config countersign.yaml',
        'countersign doctor --bootstrap bootstrap.yaml --sarif',
        'kubectl exec POD -c verifier -- countersign doctor --envoy-admin http://127.0.0.1:9901',
      ),
    )
    .action(session.action(doctor));
};
