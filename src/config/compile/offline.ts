/**
 * An offline load: in a pipeline, or before anything is installed. Files that are not there are left out and listed, paths
 * that the process will write to are not looked at, and relative paths may be those of the place where it will be installed.
 * Nothing is served from such a load.
 */
import { isAbsolute, join, relative } from 'node:path';
import type { FileFault } from '../files/read-file.js';
import type { LeftOutFile } from '../settings.js';

/** How a load without all of its files goes about it. */
export interface OfflineOptions {
  /** Absolute: the directory in which the configuration will lie. Default: the one in which it lies. */
  readonly installedIn?: string | undefined;
}

/** What an offline load knows of the files that it did not find. */
export class OfflineLoad {
  readonly #directory: string;
  readonly #installedIn: string;
  readonly #absent = new Map<string, LeftOutFile['kind']>();
  readonly #leftOut = new Map<string, LeftOutFile>();

  /** @param directory of the configuration, here. */
  constructor(directory: string, { installedIn = directory }: OfflineOptions) {
    this.#directory = directory;
    this.#installedIn = installedIn;
  }

  /** Where relative paths of the configuration begin. */
  get base(): string {
    return this.#installedIn;
  }

  /** Where a file that will be at `absolute` is to be read now: what lies beside the configuration there, lies beside it here. */
  placeOf(absolute: string): string {
    const inside = relative(this.#installedIn, absolute);
    const isBeside = inside !== '..' && !inside.startsWith('../') && !isAbsolute(inside);
    return isBeside ? join(this.#directory, inside) : absolute;
  }

  /** Remembers a file that was not there; every other fault stays one. */
  note(
    absolute: string,
    kind: LeftOutFile['kind'],
    read: { readonly ok: true } | { readonly ok: false; readonly reason?: FileFault['reason'] },
  ): void {
    if (!read.ok && read.reason === 'missing') this.#absent.set(absolute, kind);
  }

  /** Whether the file that is named at `path` was not there; it is listed then. */
  leavesOut(absolute: string, path: string): boolean {
    const kind = this.#absent.get(absolute);
    if (kind === undefined) return false;
    this.#leftOut.set(path, { path, file: absolute, kind });
    return true;
  }

  /** In the order in which they were named. */
  get leftOut(): readonly LeftOutFile[] {
    return [...this.#leftOut.values()];
  }
}
