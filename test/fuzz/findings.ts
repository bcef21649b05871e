/** Failing inputs as files: written by a run, replayed by the test suite from then on. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'findings');
const NAME = /^([a-z-]+)\.[0-9a-f]{12}\.bin$/;

/** One input that once broke a promise. */
export interface Finding {
  readonly file: string;
  /** The name of its target. */
  readonly target: string;
  readonly input: Buffer;
}

export function findings(): Finding[] {
  return readdirSync(FOLDER).flatMap((file) => {
    const target = NAME.exec(file)?.[1];
    return target === undefined ? [] : [{ file, target, input: readFileSync(join(FOLDER, file)) }];
  });
}

/** Writes the input under the name of its target and a part of its hash; returns the path. */
export function fileFinding(target: string, input: Buffer): string {
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 12);
  const path = join(FOLDER, `${target}.${hash}.bin`);
  writeFileSync(path, input);
  return path;
}
