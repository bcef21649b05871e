/** docs/vectors as another language sees them: made and checked by test/python/vectors.py. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/local-federation/layout.js';
import { pythonWithCryptography } from './support/python.js';

const VECTORS = join(repositoryRoot(), 'docs', 'vectors');
const FILES = readdirSync(VECTORS).filter((name) => name.endsWith('.json'));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vectors-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function vectors(command: string, directory: string): { status: number | null; said: string } {
  const script = join(repositoryRoot(), 'test', 'python', 'vectors.py');
  const run = spawnSync(pythonWithCryptography(), ['-B', script, command, directory], { encoding: 'utf8' });
  return { status: run.status, said: run.stdout + run.stderr };
}

test('the files are those that the script makes: `vectors.py make docs/vectors` writes them', () => {
  expect(vectors('make', folder)).toEqual({ status: 0, said: '' });
  for (const name of FILES)
    expect(readFileSync(join(VECTORS, name), 'utf8')).toBe(readFileSync(join(folder, name), 'utf8'));
});

test('the producer and the consumer in Python agree with all of them', () => {
  expect(vectors('check', VECTORS)).toEqual({ status: 0, said: '' });
});

test.each([
  ['requests.json', '"body": "{', '"body": " {', 'telemetry\n'],
  ['canonical-json.json', '"canonical": "[1.0', '"canonical": "[1', 'floats as CPython prints them\n'],
  ['signed-answers.json', '"confidence\\":0.82', '"confidence\\":0.83', /^one adjustment: /],
])('a change in %s is found', (name, old, changed, said) => {
  const copy = mkdtempSync(join(folder, 'copy-'));
  cpSync(VECTORS, copy, { recursive: true });
  const text = readFileSync(join(VECTORS, name), 'utf8');
  expect(text).toContain(old);
  writeFileSync(
    join(copy, name),
    text.replace(old, () => changed),
  );
  const run = vectors('check', copy);
  expect(run.status).toBe(1);
  expect(run.said).toMatch(said);
});
