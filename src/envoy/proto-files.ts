/** Where our proto files are: beside `src/` in the repository, beside `dist/` in an installation. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The path of a file under `proto/`; throws when the installation lacks it. */
export function protoFile(name: string): string {
  for (
    let folder = dirname(fileURLToPath(import.meta.url));
    folder !== dirname(folder);
    folder = dirname(folder)
  ) {
    const candidate = join(folder, 'proto', name);
    if (existsSync(candidate)) return candidate;
  }
  throw new Error(`proto/${name} is missing from this installation`);
}
