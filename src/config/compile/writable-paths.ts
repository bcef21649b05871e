/** Paths that the process will write to: what is known of them before anything is opened. */
import { statfsSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

/** File systems without files of anybody's own (statfs(2)): in some, making a directory never ends. */
const kernelFileSystems: ReadonlySet<number> = new Set([0x9f_a0, 0x62_65_65_72, 0x27_e0_eb, 0x63_67_72_70]);

/** Why a directory cannot be made or used at `path`; undefined where nothing speaks against it. */
export function directoryFault(path: string): readonly [message: string, remedy: string] | undefined {
  const stats = look(path);
  if (stats === undefined && dirname(path) !== path) return directoryFault(dirname(path));
  if (stats?.isDirectory() === false)
    return [`lies under ${path}, which is no directory`, 'name a directory, or what is to be one'];
  return isOfTheKernel(path)
    ? [
        `lies in a file system of the kernel at ${path}, where nothing can be made`,
        'choose a place on a disk',
      ]
    : undefined;
}

/** Why a file at `path` cannot be appended to; a pipe or a device would be written to for ever, or never opened. */
export function appendedFileFault(path: string): readonly [message: string, remedy: string] | undefined {
  const stats = look(path);
  if (stats === undefined) return directoryFault(dirname(path));
  if (stats.isFile()) return isOfTheKernel(path) ? directoryFault(dirname(path)) : undefined;
  const kind = stats.isDirectory() ? 'a directory' : stats.isFIFO() ? 'a pipe' : 'no regular file';
  return [`is ${kind}`, 'name a regular file, which may be absent; for standard output say stdout: true'];
}

/** Undefined too for what is under something that is no directory or may not be searched: the nearest thing above tells. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function isOfTheKernel(path: string): boolean {
  try {
    return kernelFileSystems.has(statfsSync(path).type);
  } catch {
    return false;
  }
}
