/** Everything before the first process: folders, certificates, keys, ports, configurations and the environment file. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '../../src/config/load.js';
import { initialiseNonceStore } from '../../src/serve/stores.js';
import { systemClock } from '../../src/serve/clocks.js';
import { ensureCertificates, type Certificates } from './certificates.js';
import { configurationText, federationConfiguration } from './configuration.js';
import { environmentText, federationEnvironment, type FederationEnvironment } from './environment.js';
import { findEnvoy, renderEnvoyFiles } from './envoy-files.js';
import type { FederationOptions } from './federation-options.js';
import { layoutOf, makeFolders, type Layout } from './layout.js';
import { PRODUCER_A, PRODUCER_B } from './parties.js';
import { envoyPlan, upstreamPlan, verifierPlan } from './plans.js';
import { choosePorts, type Ports } from './ports.js';
import { PROCESS_NAMES, runningProcess, type ProcessName, type ProcessPlan } from './processes.js';
import type { Progress } from './progress.js';
import { ensureSigningKeys, type SigningKeys } from './signing-keys.js';
import { checkRedis } from './redis-check.js';
import { writeRedisPassword, type Nonces } from './redis.js';
import { writePrivateFile } from './write-file.js';

/** A federation that could be started. */
export interface Preparation {
  readonly layout: Layout;
  readonly environment: FederationEnvironment;
  readonly nonces: Nonces;
  readonly plans: ReadonlyMap<ProcessName, ProcessPlan>;
}

const NAMES = [PRODUCER_A.identity, PRODUCER_B.identity] as const;

interface Materials {
  readonly layout: Layout;
  readonly certificates: Certificates;
  readonly keys: SigningKeys;
  readonly ports: Ports;
}

function preparePorts(layout: Layout, { port }: FederationOptions): Promise<Ports> {
  const running = new Set<string>(PROCESS_NAMES.filter((name) => runningProcess(layout, name) !== undefined));
  return choosePorts(layout, { listener: port, running });
}

async function prepareMaterials(layout: Layout, ports: Ports, progress: Progress): Promise<Materials> {
  const certificates = await ensureCertificates(layout, NAMES, new Date());
  for (const line of certificates.renewed) progress.say(`  certificate made anew: ${line}`);
  return { layout, certificates, keys: ensureSigningKeys(layout, NAMES), ports };
}

function writeConfiguration({ layout, ...facts }: Materials, options: FederationOptions): string {
  const upstream = options.upstream ?? { address: '127.0.0.1', port: facts.ports.application };
  const document = federationConfiguration({
    ...facts,
    upstream: { address: upstream.address, port: upstream.port },
    nonces: options.nonces ?? 'lmdb',
    rateLimitPerMinute: options.rateLimitPerMinute ?? 0,
  });
  const text = configurationText(options.patchConfiguration?.(document) ?? document);
  writeRedisPassword(layout, options.nonces ?? 'lmdb');
  writePrivateFile(layout.configurationFile, text);
  return text;
}

/**
 * A nonce store that has just been made refuses what could have been signed before (docs/security-requirements.md#16); with
 * keys that are as new as itself there is no such thing, and the first `up` need not wait for the window.
 */
async function prepareNonces({ layout, keys }: Materials): Promise<void> {
  if (!keys.requestKeysAreNew) return;
  const loaded = loadConfiguration(layout.configurationFile, { generation: 1, nowMs: Date.now() });
  if (!loaded.ok) return;
  const { settings, snapshot } = loaded.configuration;
  await initialiseNonceStore(settings.nonces, snapshot, systemClock);
}

/** Its file has the same name whatever is in it, and the verifier reads it at its start. */
function passwordOf({ nonces }: FederationOptions): string {
  return (typeof nonces === 'object' ? nonces.password?.() : undefined) ?? '';
}

/** The texts of Envoy's configuration: the bootstrap, and the files in the folder that it watches. */
async function writeEnvoyFiles(
  { layout, certificates }: Materials,
  options: FederationOptions,
): Promise<string[]> {
  const rendered = await renderEnvoyFiles(layout);
  const bootstrap = options.patchBootstrap?.(rendered) ?? rendered;
  writePrivateFile(layout.envoyFile, bootstrap);
  const folder = join(layout.run, 'sds');
  const secrets = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'));
  const material = [certificates.authorityFile, certificates.server.certificateFile];
  return [bootstrap, ...secrets, ...material.map((path) => readFileSync(path, 'utf8'))];
}

/** Makes or reuses all files of a federation. Rejects with a `FederationFault` when the machine does not allow it. */
export async function prepareFederation(
  options: FederationOptions,
  progress: Progress,
): Promise<Preparation> {
  const { nonces } = options;
  if (typeof nonces === 'object')
    await progress.step(`Redis at ${nonces.address} can hold nonces`, () => checkRedis(nonces));
  const layout = layoutOf(options.stateDirectory);
  makeFolders(layout);
  const ports = await progress.step('ports are free', () => preparePorts(layout, options));
  const materials = await progress.step('certificates and keys are there', () =>
    prepareMaterials(layout, ports, progress),
  );
  const { certificates, keys } = materials;
  const binary = await progress.step('Envoy found', () => findEnvoy(layout, options.envoyBinary));
  const configuration = writeConfiguration(materials, options);
  await prepareNonces(materials);
  const envoyFiles = await progress.step('configuration written', () => writeEnvoyFiles(materials, options));
  const upstreamUrl = options.upstream?.url ?? `http://127.0.0.1:${ports.listing}`;
  const environment = federationEnvironment({ layout, certificates, keys, ports, upstreamUrl });
  writePrivateFile(layout.environmentFile, environmentText(environment));
  const plans = [
    verifierPlan(layout, [configuration, passwordOf(options)], options.verifierEnvironment),
    envoyPlan(layout, binary, envoyFiles),
  ];
  if (options.upstream === undefined) plans.push(upstreamPlan(layout, ports));
  return {
    layout,
    environment,
    nonces: options.nonces ?? 'lmdb',
    plans: new Map(plans.map((plan) => [plan.name, plan])),
  };
}
