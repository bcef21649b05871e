/** The images that the manifests name, laid out from what this checkout has built. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { layDistroless, layLibraries, nodeOfImage } from '../../container/support/bases.js';
import type { Mount } from '../../container/support/cell.js';
import { parseDockerfile, execForm } from '../../container/support/dockerfile.js';
import { tool } from './manifests.js';

/** A root for cells, with what is bound into it rather than copied. */
export interface CellImage {
  readonly root: string;
  readonly mounts: readonly Mount[];
  readonly entrypoint: readonly string[];
}

const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'));

/** As the Dockerfile makes it (test/container/image.test.ts), with the packages of the checkout. */
export function layCountersign(place: string): CellImage {
  const root = emptyRoot(place, 'countersign');
  layProgram(root, nodeOfImage(stages.find(({ name }) => name === 'compile')!.base), '/usr/local/bin/node');
  const home = join(root, 'opt/countersign');
  for (const name of ['package.json', 'dist/src']) cpSync(name, join(home, name), { recursive: true });
  const main = join(home, 'dist/src/main.js');
  writeFileSync(main, readFileSync(main, 'utf8').replace(/^#!.*/, '#!/usr/local/bin/node'));
  chmodSync(main, 0o755);
  symlinkSync('/opt/countersign/dist/src/main.js', join(root, 'usr/local/bin/countersign'));
  // In a cluster DNS answers that; here the pods of a test share a network.
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost countersign-redis\n');
  const packages = {
    source: resolve('node_modules'),
    target: '/opt/countersign/node_modules',
    readOnly: true,
  };
  const entrypoint = stages.at(-1)!.instructions.findLast(({ keyword }) => keyword === 'ENTRYPOINT')!.text;
  return { root, mounts: [packages], entrypoint: execForm(entrypoint) };
}

/** Envoy's distroless image: the binary and its libraries. */
export function layEnvoy(place: string): CellImage {
  const root = emptyRoot(place, 'envoy');
  layProgram(root, tool('envoy.sh'), '/usr/local/bin/envoy');
  return { root, mounts: [], entrypoint: ['/usr/local/bin/envoy'] };
}

/** The reference upstream on 127.0.0.1:8000, in the place of the operator's application. */
export function layApplication(place: string): CellImage {
  const root = emptyRoot(place, 'application');
  layProgram(root, nodeOfImage(stages.find(({ name }) => name === 'compile')!.base), '/usr/local/bin/node');
  for (const name of ['package.json', 'dist/src', 'dist/tools'])
    cpSync(name, join(root, 'application', name), { recursive: true });
  const state = join(place, 'application-state');
  mkdirSync(state);
  chmodSync(state, 0o777);
  const main = '/application/dist/tools/reference-upstream/main.js';
  return {
    root,
    mounts: [
      { source: resolve('node_modules'), target: '/application/node_modules', readOnly: true },
      { source: state, target: '/state', readOnly: false },
    ],
    entrypoint: ['/usr/local/bin/node', main, '/state', '8000', '8001'],
  };
}

/** Redis' image: server and client, under the names that the manifests call them by. */
export function layRedis(place: string): CellImage {
  const root = emptyRoot(place, 'redis');
  layProgram(root, tool('redis.sh'), '/usr/local/bin/redis-server');
  const client = execFileSync('/bin/sh', ['-c', 'command -v redis-cli'], { encoding: 'utf8' }).trim();
  layProgram(root, client, '/usr/local/bin/redis-cli');
  return { root, mounts: [], entrypoint: ['/usr/local/bin/redis-server'] };
}

/** A root with nothing but a program and its libraries. */
export function emptyRoot(place: string, name: string): string {
  const root = join(place, 'images', name);
  mkdirSync(root, { recursive: true });
  layDistroless(root);
  return root;
}

/** Puts a program of this machine into a root. */
export function layProgram(root: string, program: string, target: string): void {
  mkdirSync(join(root, dirname(target)), { recursive: true });
  copyFileSync(program, join(root, target));
  layLibraries(root, program);
}
