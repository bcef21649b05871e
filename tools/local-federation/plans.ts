/** How each process of a federation is started. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startDigest } from './digest.js';
import { countersignCommand } from './envoy-files.js';
import type { Layout } from './layout.js';
import type { Ports } from './ports.js';
import type { ProcessPlan } from './processes.js';

/** A federation is for one machine with other things to do. */
const MAX_ENVOY_THREADS = 2;

/** `countersign serve`, by the compiled code in `dist/`; `texts` is all that its configuration consists of. */
export function verifierPlan(
  layout: Layout,
  texts: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ProcessPlan {
  const code = join(layout.root, 'dist', 'src');
  return {
    name: 'verifier',
    command: process.execPath,
    arguments: [countersignCommand(layout), 'serve', '--config', layout.configurationFile],
    environment,
    digest: startDigest([process.execPath, ...texts, JSON.stringify(environment)], [code]),
  };
}

/** Envoy; `files` is the text of everything that its configuration consists of. */
export function envoyPlan(layout: Layout, binary: string, files: readonly string[]): ProcessPlan {
  const threads = String(Math.min(MAX_ENVOY_THREADS, availableParallelism()));
  const args = ['-c', layout.envoyFile, '--disable-hot-restart', '--concurrency', threads, '-l', 'warning'];
  return {
    name: 'envoy',
    command: binary,
    arguments: args,
    digest: startDigest([binary, ...args, ...files], []),
  };
}

/** The reference upstream. */
export function upstreamPlan(layout: Layout, ports: Ports): ProcessPlan {
  const code = join(layout.root, 'dist', 'tools', 'reference-upstream');
  const directory = join(layout.state, 'reference-upstream');
  const args = [join(code, 'main.js'), directory, String(ports.application), String(ports.listing)];
  const digest = startDigest([process.execPath, ...args], [code]);
  return { name: 'upstream', command: process.execPath, arguments: args, digest };
}
