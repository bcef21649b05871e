/**
 * Child processes that run TypeScript of this repository, for tests that need more than one process or one
 * that may be killed. The entry file and whatever it imports relatively are stripped of their types into a
 * folder under the git-ignored `.cache/` (inside the repository, so that packages resolve), once per run.
 */
import { transformFileSync } from '@swc/core';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const RELATIVE_IMPORT = /(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)\.js["']/g;

export interface CompiledScript {
  /** The JavaScript file to run. */
  readonly path: string;
  /** Removes what was compiled. */
  remove(): void;
}

/** Compiles a TypeScript file (its path relative to the repository) with everything it imports. */
export function compileScript(entry: string): CompiledScript {
  const cache = join(REPOSITORY, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'child-'));
  const done = new Set<string>();
  const waiting = [join(REPOSITORY, entry)];
  for (let source = waiting.pop(); source !== undefined; source = waiting.pop()) {
    if (done.has(source)) continue;
    done.add(source);
    waiting.push(...compileOne(source, outputOf(source, folder)));
  }
  const path = outputOf(join(REPOSITORY, entry), folder);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Writes the JavaScript of one file; gives the TypeScript files that it imports. */
function compileOne(source: string, output: string): string[] {
  const { code } = transformFileSync(source, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  });
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, code);
  const imports = [...code.matchAll(RELATIVE_IMPORT)].map(([, path = '']) => path);
  return imports.map((path) => join(dirname(source), `${path}.ts`)).filter((file) => existsSync(file));
}

function outputOf(source: string, folder: string): string {
  return join(folder, relative(REPOSITORY, source)).replace(/\.ts$/, '.js');
}

export interface RunningScript {
  readonly process: ChildProcess;
  /** Lines of its standard output, as they come. */
  readonly lines: AsyncIterable<string>;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Starts a compiled script with one JSON argument; its standard error is ours. */
export function runScript(script: CompiledScript, argument: unknown): RunningScript {
  const child = spawn(process.execPath, [script.path, JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | NodeJS.Signals | null>((done) => {
    child.once('exit', (code, signal) => done(code ?? signal));
  });
  return { process: child, lines: createInterface({ input: child.stdout }), ended };
}
