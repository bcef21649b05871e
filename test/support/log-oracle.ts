/** Other people's code as a judge of logs (test/oracle/log): run as a command. */
import { execFileSync, spawnSync } from 'node:child_process';

let path: string | undefined;

function oraclePath(): string {
  path ??= execFileSync('scripts/log-oracle.sh', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    .trim()
    .split('\n')
    .at(-1);
  if (path === undefined) throw new Error('scripts/log-oracle.sh has printed no path');
  return path;
}

/** Its word: whether what it was given is right, and else why not. */
export function oracle(...args: string[]): { readonly isRight: boolean; readonly why: string } {
  const { status, stderr, error } = spawnSync(oraclePath(), args, { encoding: 'utf8' });
  if (error !== undefined || (status !== 0 && status !== 1)) throw error ?? new Error(stderr);
  return { isRight: status === 0, why: stderr };
}

/** A tree of the records "record 0", "record 1" and so on, as golang.org/x/mod's tlog makes it; hashes in base64. */
export interface TreeVector {
  readonly size: number;
  readonly root: string;
  /** Inclusion proofs by index. */
  readonly records: Readonly<Record<string, readonly string[]>>;
  /** Consistency proofs by the older size. */
  readonly trees: Readonly<Record<string, readonly string[]>>;
  /** Paths of all tiles. */
  readonly tiles: readonly string[];
}

/** Vectors of trees of these sizes, in ascending order. */
export function treeVectors(sizes: readonly number[]): readonly TreeVector[] {
  const out = execFileSync(oraclePath(), ['vectors', sizes.join(',')], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(out.toString()) as TreeVector[];
}
