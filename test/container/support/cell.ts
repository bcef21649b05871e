/**
 * Runs a program as a container runtime would: in a root of its own that is mounted read-only, with the volumes
 * that are named and nothing else, as a numeric user without capabilities. Linux and root are needed for it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** A folder of this machine, seen in the cell under another path. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** A cell and the program in it. */
export interface CellOptions {
  readonly root: string;
  readonly mounts: readonly Mount[];
  readonly user: number;
  readonly group: number;
  /** Groups besides (`fsGroup`). */
  readonly groups?: readonly number[];
  readonly environment?: ReadonlyMap<string, string>;
  /** The process whose network the cell shares; without it the machine's own. */
  readonly networkOf?: number | undefined;
  readonly command: readonly string[];
}

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** The capabilities that `chroot` needs to get in; they end with the change of user. */
const TO_GET_IN = '-all,+sys_chroot,+setuid,+setgid';

const ENTER = `set -eu
root=$1; shift
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
while [ "$1" != -- ]; do
  mount --bind "$1" "$root$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"
  shift 3
done
shift
mount -o remount,bind,ro "$root"
exec "$@"`;

/** Starts the program; its process is the child itself, so that signals reach it. */
export function startInCell(options: CellOptions): ChildProcess {
  const [file, ...parameters] = cellCommand(options);
  return spawn(file!, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env: environmentOf(options) });
}

/** Runs the program to its end. */
export function runInCell(options: CellOptions, timeoutMilliseconds = 30_000): Ended {
  const [file, ...parameters] = cellCommand(options);
  const { status, stdout, stderr } = spawnSync(file!, parameters, {
    encoding: 'utf8',
    env: environmentOf(options),
    timeout: timeoutMilliseconds,
  });
  return { code: status, output: stdout + stderr };
}

/** Waits for the end of a program that was started; one that takes too long is killed. */
export function collect(child: ChildProcess, timeoutSeconds: number): Promise<Ended> {
  const output: string[] = [];
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1000);
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output: output.join('') });
    }),
  );
}

function environmentOf({ environment }: CellOptions): Record<string, string> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return { PATH: path, ...Object.fromEntries(environment ?? []) };
}

function cellCommand(options: CellOptions): string[] {
  const { root, mounts, user, group, groups = [], networkOf, command } = options;
  const targets = ['/dev', '/proc', ...mounts.map(({ target }) => target)];
  for (const target of targets) mkdirSync(join(root, target), { recursive: true });
  const network = networkOf === undefined ? [] : ['nsenter', `--net=/proc/${networkOf}/ns/net`];
  return [
    ...network,
    ...['unshare', '--mount', '/bin/sh', '-c', ENTER, 'enter', root],
    ...mounts.flatMap(({ source, target, readOnly }) => [source, target, readOnly ? 'ro' : 'rw']),
    ...['--', 'setpriv', '--no-new-privs', `--inh-caps=-all`, `--bounding-set=${TO_GET_IN}`],
    ...['chroot', `--userspec=${user}:${group}`, `--groups=${[group, ...groups].join(',')}`, root],
    ...command,
  ];
}
