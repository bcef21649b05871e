/** A real Envoy with a bootstrap of ours, changed or not, on ports of its own: what its admin endpoint says of it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { envoyOfLine } from '../../e2e/support/envoy-line.js';
import { until } from '../../support/until.js';
import type { EnvoyLineName } from '../corpus/mutation.js';
import { items, type Tree } from './document.js';

/** Where our files expect what is beside Envoy. */
export const INSTALLED = '/etc/countersign';
const DOOR = '@countersign-door-127.0.0.1-9901';

/** Our bootstrap as it is delivered. */
export function ourBootstrap(): Tree {
  return parse(readFileSync('envoy/bootstrap.yaml', 'utf8')) as Tree;
}

/** The binary of a line. */
export function binaryOf(line: EnvoyLineName): string {
  const older = line === '1.36' ? envoyOfLine('1.36') : undefined;
  return (
    older ??
    execFileSync('scripts/envoy.sh', { encoding: 'utf8', stdio: 'pipe' }).trimEnd().split('\n').at(-1)!
  );
}

/** A folder with the certificates and SDS files that the bootstrap names. */
export function installedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-doctor-'));
  for (const name of ['tls', 'envoy']) mkdirSync(join(folder, name));
  const parameters =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost';
  execFileSync('openssl', [...parameters.split(' '), '-keyout', 'server.key', '-out', 'server.pem'], {
    cwd: join(folder, 'tls'),
    stdio: 'pipe',
  });
  writeFileSync(join(folder, 'tls', 'client-ca.pem'), readFileSync(join(folder, 'tls', 'server.pem')));
  for (const name of ['sds-server.yaml', 'sds-client-ca.yaml'])
    writeFileSync(
      join(folder, 'envoy', name),
      readFileSync(join('envoy', name), 'utf8').replaceAll(INSTALLED, folder),
    );
  const refused = `resources: [{ '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener', name: refused, address: { pipe: { path: '${folder}/refused' } } }]\n`;
  writeFileSync(join(folder, 'envoy', 'refused-listeners.yaml'), refused);
  return folder;
}

/** Ports that are free, so that suites can run at once. */
function onFreePorts(bootstrap: Tree): Tree {
  const copy = structuredClone(bootstrap);
  for (const listener of items(copy['static_resources']!['listeners']))
    for (const { address } of [
      listener,
      ...items(listener['additional_addresses'] ?? ([] as unknown as Tree)),
    ])
      if (address!['socket_address'] !== undefined)
        address!['socket_address']['port_value'] = 0 as unknown as Tree;
  copy['admin']!['address']!['socket_address']!['port_value'] = 0 as unknown as Tree;
  return copy;
}

/** An Envoy that answers; `stop` ends it. */
export interface RunningEnvoy {
  readonly admin: string;
  stop(): Promise<void>;
}

/** Starts it; rejects with its own words when it refuses the configuration. */
export async function startEnvoy(binary: string, folder: string, bootstrap: Tree): Promise<RunningEnvoy> {
  const file = join(folder, 'bootstrap.json');
  const addressFile = join(folder, 'admin-address');
  rmSync(addressFile, { force: true });
  const text = JSON.stringify(onFreePorts(bootstrap)).replaceAll(INSTALLED, folder);
  writeFileSync(file, text.replaceAll(DOOR, `@countersign-doctor-${process.pid}`));
  const parameters = ['-c', file, '--use-dynamic-base-id', '-l', 'error', '--concurrency', '1'];
  const child = spawn(binary, [...parameters, '--admin-address-path', addressFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (words += chunk));
  const stop = (): Promise<void> => ended(child);
  try {
    let admin: string | undefined;
    await until('Envoy is live', async () => {
      if (child.exitCode !== null) throw new Error(`Envoy ended: ${words.slice(0, 2000)}`);
      admin = await adminIfLive(addressFile);
      return admin !== undefined;
    });
    return { admin: admin!, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function adminIfLive(addressFile: string): Promise<string | undefined> {
  try {
    const port = readFileSync(addressFile, 'utf8').trim().split(':').at(-1)!;
    const admin = `http://127.0.0.1:${port}`;
    const { status } = await fetch(`${admin}/ready`);
    return status === 200 ? admin : undefined;
  } catch {
    return undefined;
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** What the corpus keeps of a dump: without the times, the list of extensions, what is there twice, and the folder's name. */
export function keptOf(text: string, folder: string): Tree {
  const renamed = text.replaceAll(folder, INSTALLED).replaceAll(`@countersign-doctor-${process.pid}`, DOOR);
  const dump = JSON.parse(renamed, (name, value: unknown) =>
    name === 'last_updated' || name === 'extensions' ? undefined : value,
  ) as Tree;
  const configs = items(dump['configs']).filter((section) => !isOf(section, 'EndpointsConfigDump'));
  for (const section of configs) {
    delete section['bootstrap']?.['static_resources'];
    // Envoy prints its maps in whatever order they have.
    for (const list of Object.values(section)) if (Array.isArray(list)) list.sort(byText);
  }
  return { configs: configs as unknown as Tree };
}

function isOf(section: Tree, type: string): boolean {
  return (section['@type'] as unknown as string).endsWith(type);
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
