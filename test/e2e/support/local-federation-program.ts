/** The program behind `make local-federation-up`, `-smoke` and `-down`. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';

/** How it ended, and all that it printed. */
export interface ProgramRun {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly output: string;
}

/** Runs one of its commands to its end as Make does, with these variables above those of this process. */
export function runLocalFederation(command: string, variables: Readonly<Record<string, string>>): ProgramRun {
  const cwd = repositoryRoot();
  const program = [join(cwd, 'dist/tools/local-federation/main.js'), command];
  const env = { ...process.env, ...variables };
  const { status, stdout, stderr } = spawnSync(process.execPath, program, { cwd, env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}
