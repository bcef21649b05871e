/** A Python that has `cryptography`: the system's own if it does, else one with a folder of its own under `.cache/`. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';

const IMPORTS = ['-c', 'import cryptography.hazmat.primitives.asymmetric.ed25519'];

function imports(python: string): boolean {
  try {
    execFileSync(python, IMPORTS, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The path of the interpreter. Throws a sentence with the remedy when there is none. */
export function pythonWithCryptography(): string {
  const python = process.env['PYTHON'] ?? 'python3';
  try {
    execFileSync(python, ['--version'], { stdio: 'ignore' });
  } catch {
    throw new Error(`${python} cannot be run: install Python 3.9 or newer, or set PYTHON=/path/to/python3`);
  }
  return imports(python) ? python : installed(python);
}

/** Made elsewhere and moved there whole: two suites may want it at the same time. */
function installed(python: string): string {
  const root = repositoryRoot();
  const folder = join(root, '.cache', 'python');
  const own = join(folder, 'bin', 'python');
  if (existsSync(own)) {
    if (imports(own)) return own;
    rmSync(folder, { recursive: true });
  }
  mkdirSync(join(root, '.cache'), { recursive: true });
  const made = mkdtempSync(`${folder}-`);
  execFileSync(python, ['-m', 'venv', made], { stdio: 'inherit' });
  const requirements = join(root, 'test', 'python', 'requirements.txt');
  const pip = ['-m', 'pip', 'install', '--quiet', '--requirement', requirements];
  execFileSync(join(made, 'bin', 'python'), pip, { stdio: 'inherit' });
  try {
    renameSync(made, folder);
  } catch {
    // Another suite was faster.
    rmSync(made, { recursive: true });
  }
  return own;
}
