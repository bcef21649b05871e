/** What the base images of our Dockerfile have, laid out from this machine: a Node of that version, and a C library. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Packages of distroless/cc: libc6, libgcc-s1, libstdc++6. Whatever else a program needs, it would not find. */
const DISTROLESS_LIBRARIES =
  /^(?:ld-linux-[\w-]+|lib(?:c|m|dl|rt|pthread|resolv|util|nss_\w+|anl|gcc_s|stdc\+\+))\.so(?:\.\d+)+$/;

/** The Node with which an image is built, from the package registry; the version is that of the tag. */
export function nodeOfImage(image: string): string {
  const [, version] = /^node:(\d+\.\d+\.\d+)-/.exec(image) ?? [];
  if (version === undefined) throw new Error(`${image} does not tell the version of Node`);
  const output = execFileSync('scripts/node.sh', [version], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return output.trimEnd().split('\n').at(-1)!;
}

/** Whether this machine has the compiler of the stage that builds the engine. */
export const hasRust = spawnSync('cargo', ['--version']).status === 0;

/** A folder with `node` and `npm`, and `cargo` where that is here, for the RUNs; beside it the headers of Node. */
export function layPrograms(folder: string, node: string): void {
  mkdirSync(folder, { recursive: true });
  symlinkSync(node, join(folder, 'node'));
  for (const name of ['npm', ...(hasRust ? ['cargo', 'rustc'] : [])])
    symlinkSync(
      execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(),
      join(folder, name),
    );
  // The headers of another Node do: what is compiled knows Node-API alone.
  const headers = [join(dirname(process.execPath), '../include'), '/usr/include'].find((path) =>
    existsSync(join(path, 'node/node_api.h')),
  );
  if (headers === undefined) throw new Error('this Node has no headers beside it');
  symlinkSync(headers, join(folder, '../include'));
}

/** Puts the dynamic libraries of `program` at their places, and says which of them a distroless image lacks. */
export function layLibraries(root: string, program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  const paths = lines.flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  return paths.map((path) => path.split('/').at(-1)!).filter((name) => !DISTROLESS_LIBRARIES.test(name));
}

/** The few files of a distroless root besides its libraries. */
export function layDistroless(root: string): void {
  for (const folder of ['etc', 'tmp', 'dev', 'proc']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  );
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
}
