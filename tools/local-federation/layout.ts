/** Where everything of one federation lies. The names are an interface: docs/examples has the list of the values. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FederationFault } from './fault.js';

/** The folders and files of a federation, as absolute paths. */
export interface Layout {
  /** The repository. */
  readonly root: string;
  /** `local_federation/`, or the `STATE_DIR`. */
  readonly directory: string;
  readonly certificates: string;
  readonly keys: string;
  readonly state: string;
  readonly audit: string;
  /** Of the verifier's log, in the layout of C2SP tlog-tiles. */
  readonly auditLog: string;
  readonly run: string;
  readonly environmentFile: string;
  readonly configurationFile: string;
  readonly envoyFile: string;
  readonly portsFile: string;
}

/** The folder above this file with the package in it: the same from the sources and from `dist/`. */
export function repositoryRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}

/** The layout below `stateDirectory`, which is relative to the repository when it is not absolute. */
export function layoutOf(stateDirectory: string, root: string = repositoryRoot()): Layout {
  const directory = resolve(root, stateDirectory);
  return {
    root,
    directory,
    certificates: join(directory, 'certs'),
    keys: join(directory, 'keys'),
    state: join(directory, 'state'),
    audit: join(directory, 'audit'),
    auditLog: join(directory, 'audit', 'log'),
    run: join(directory, 'run'),
    environmentFile: join(directory, '.env.countersign.local'),
    configurationFile: join(directory, 'countersign.yaml'),
    envoyFile: join(directory, 'envoy.yaml'),
    portsFile: join(directory, 'run', 'ports.json'),
  };
}

/** A path as the environment file says it: relative to the repository. */
export function fromRoot(layout: Layout, path: string): string {
  return relative(layout.root, path);
}

/** What a plain `NAME=value` line, a shell and Make all leave alone. */
const PLAIN_PATH = /^[A-Za-z0-9._/+@:,-]+$/;

/** One level at a time: where the system itself refuses new folders, Node's own recursion never ends. */
function makeFolder(path: string): void {
  if (!existsSync(path)) {
    makeFolder(dirname(path));
    // 0750, as the verifier demands it of the folder of its socket.
    mkdirSync(path, { mode: 0o750 });
  }
  accessSync(path, constants.W_OK);
}

/** Makes the folders. Throws a fault when the place cannot be written or its name cannot stand unquoted. */
export function makeFolders(layout: Layout): void {
  if (!PLAIN_PATH.test(fromRoot(layout, layout.directory))) {
    throw new FederationFault(
      `the path ${layout.directory} has characters that a plain NAME=value file cannot carry`,
      'give a path of letters, digits and ._/+@:,- with STATE_DIR=DIR',
    );
  }
  const { certificates, keys, state, audit, run } = layout;
  try {
    for (const folder of [certificates, keys, state, audit, run]) makeFolder(folder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FederationFault(
      `cannot write below ${layout.directory}: ${reason}`,
      'make it writable, or name another place with STATE_DIR=DIR',
    );
  }
}
