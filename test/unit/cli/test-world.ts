/** A world for a command: streams that are kept, a clock that stands, chance that repeats. */
import { runCommandLine } from '../../../src/cli/program.js';
import type { CliWorld } from '../../../src/cli/command.js';

export const NOW_SECONDS = 1_764_000_000;

/** What one run of the command line left behind. */
export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a test may change about the world. */
export interface WorldChanges {
  readonly input?: Uint8Array;
  readonly nowMs?: number;
  readonly isTerminal?: boolean;
  readonly randomBytes?: CliWorld['randomBytes'];
}

/** Runs `countersign` with these arguments, in this process. */
export async function run(args: readonly string[], changes: WorldChanges = {}): Promise<CliRun> {
  let [out, err] = ['', ''];
  const world: CliWorld = {
    out: (text) => void (out += text),
    drained: () => Promise.resolve(true),
    err: (text) => void (err += text),
    isTerminal: changes.isTerminal ?? false,
    readInput: () => Promise.resolve(changes.input ?? new Uint8Array(0)),
    nowMs: () => changes.nowMs ?? NOW_SECONDS * 1000 + 999,
    randomBytes: changes.randomBytes ?? ((byteLength) => new Uint8Array(byteLength).fill(9)),
  };
  const code = await runCommandLine(args, world);
  return { code, out, err };
}
