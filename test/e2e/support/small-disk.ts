/** A disk that a test can fill: a tmpfs where we may mount one, else a bound on the files that a process may write. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE = '64m';

export class SmallDisk {
  readonly directory = mkdtempSync(join(tmpdir(), 'disk-'));
  readonly #isMounted: boolean;

  constructor() {
    const options = ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0750`, 'tmpfs', this.directory];
    this.#isMounted = spawnSync('mount', options).status === 0;
  }

  /** Leaves no room; where nothing could be mounted, `file` of this process cannot grow. */
  fill(pid: number, file: string): void {
    if (this.#isMounted)
      spawnSync('dd', ['if=/dev/zero', `of=${join(this.directory, 'ballast')}`, 'bs=4k'], {
        stdio: 'ignore',
      });
    else this.#bound(pid, String(statSync(file).size));
  }

  /** Makes room again. */
  empty(pid: number): void {
    if (this.#isMounted) rmSync(join(this.directory, 'ballast'));
    else this.#bound(pid, 'unlimited');
  }

  remove(): void {
    if (this.#isMounted) spawnSync('umount', [this.directory]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #bound(pid: number, bytes: string): void {
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  }
}
