/** Envoy: which binary runs, and its files, as `countersign envoy-config` writes them. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FederationFault } from './fault.js';
import type { Layout } from './layout.js';

const run = promisify(execFile);

/** What a command wrote on stderr before it failed, or why it could not be run. */
function reasonOf(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return stderr === '' ? String(error) : stderr;
}

/** The path of an Envoy: `wanted`, or what `scripts/envoy.sh` finds or installs. Rejects with a fault. */
export async function findEnvoy(layout: Layout, wanted: string | undefined): Promise<string> {
  const environment = wanted === undefined ? process.env : { ...process.env, ENVOY_BIN: wanted };
  try {
    const { stdout } = await run(join(layout.root, 'scripts', 'envoy.sh'), {
      cwd: layout.root,
      env: environment,
    });
    return stdout.trimEnd().split('\n').at(-1) ?? '';
  } catch (error) {
    throw new FederationFault(
      `there is no Envoy to run:\n${reasonOf(error)}`,
      'set ENVOY_BIN=/path/to/envoy',
    );
  }
}

/** The compiled command line of Countersign. */
export function countersignCommand(layout: Layout): string {
  return join(layout.root, 'dist', 'src', 'main.js');
}

/** Has Countersign render Envoy's bootstrap, and write the SDS files that it names. */
export async function renderEnvoyFiles(layout: Layout): Promise<string> {
  const command = countersignCommand(layout);
  try {
    const { stdout } = await run(process.execPath, [command, 'envoy-config', layout.configurationFile], {
      cwd: layout.root,
    });
    return stdout;
  } catch (error) {
    throw new FederationFault(
      `countersign cannot render Envoy's configuration:\n${reasonOf(error)}`,
      `look at ${layout.configurationFile}`,
    );
  }
}
