/** The real command in a process of its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';

/** What one run left behind. */
export interface CommandRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Where and how it runs. Without `input` its standard input is empty. */
export interface CommandOptions {
  readonly directory?: string;
  readonly input?: string | Buffer;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The script of the built command. */
export const COUNTERSIGN = join(repositoryRoot(), 'dist/src/main.js');

/** Nothing that a test runs takes as long; what hangs is ended, and has no exit code. */
const MAX_MILLISECONDS = 60_000;

/** Runs `countersign` with these arguments, as it was built. */
export function countersign(args: readonly string[], options: CommandOptions = {}): Promise<CommandRun> {
  return runProgram(process.execPath, [COUNTERSIGN, ...args], options);
}

/** Runs another program the same way, such as a shell that calls ours. */
export function runProgram(
  program: string,
  args: readonly string[],
  { directory = repositoryRoot(), input = '', environment = {} }: CommandOptions = {},
): Promise<CommandRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: directory,
      env: { ...process.env, ...environment },
      timeout: MAX_MILLISECONDS,
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.stdin.on('error', () => undefined).end(input);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}
