/**
 * docs/reliability.md against the tests that it names; `UPDATE=1 npm run -s jest -- test/unit/reliability` writes its
 * matrix anew.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { FAULTS } from '../../support/faults.js';
import { renderMatrix } from '../../support/reliability-page.js';
import { taggedTests, type TaggedFile } from '../../support/tagged-tests.js';

const root = join(import.meta.dirname, '../../..');
const page = join(root, 'docs/reliability.md');
const section = /(<!-- matrix: made from the tests by UPDATE=1 -->\n)[^]*(\n<!-- end of matrix -->)/;
const sources = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('test', name))
  .sort();

/** Only files that say something of faults are parsed. */
const SAYS = /^\s*\/\/ Faults?: /m;
const files = new Map<string, TaggedFile>();
for (const source of sources)
  if (SAYS.test(readFileSync(join(root, source), 'utf8'))) {
    const { tests, ...rest } = taggedTests(join(root, source));
    files.set(source, { ...rest, tests: tests.map((test) => ({ ...test, file: source })) });
  }
const tests = [...files.values()].flatMap((file) => file.tests);
const known = FAULTS.flatMap(({ faults }) => Object.keys(faults));
const matrix = renderMatrix(tests);

if (process.env['UPDATE'] === '1') {
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(section, (_, head: string, tail: string) => `${head}\n${matrix}\n${tail}`),
  );
}

/** Sources that a file imports, by their paths from the root. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/from '(\.[^']+)\.js'|import '(\.[^']+)\.js'/g)].map(([, from, bare]) =>
    relative(root, join(root, dirname(file), `${from ?? bare}.ts`)),
  );
}

/** What jest runs, and what that imports. */
function reached(): Set<string> {
  const seen = new Set<string>();
  const queue = sources.filter((name) => name.endsWith('.test.ts'));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file) || !file.startsWith('test/')) continue;
    seen.add(file);
    queue.push(...importsOf(file));
  }
  return seen;
}

describe('the fault matrix', () => {
  test('of docs/reliability.md is the one that the tests give (`UPDATE=1 npm run -s jest -- test/unit/reliability` writes it)', () => {
    expect(readFileSync(page, 'utf8')).toContain(`\n${matrix}\n`);
  });

  test.each(known)('has a test that shows what is promised of %s', (id) => {
    expect(tests.filter(({ faults }) => faults.includes(id))).not.toEqual([]);
  });

  test('has no fault twice', () => {
    expect(new Set(known).size).toBe(known.length);
  });

  test('knows every fault that a test names', () => {
    const named = tests.flatMap(({ file, line, faults }) => faults.map((id) => ({ file, line, id })));
    expect(named.filter(({ id }) => !known.includes(id))).toEqual([]);
  });

  test('leans on no test that is skipped, or expected to fail, or stands in the light of another one’s `only`', () => {
    expect(tests.filter(({ faults, isSet }) => faults.length > 0 && isSet)).toEqual([]);
  });

  test('leans on no test that jest does not come to', () => {
    const run = reached();
    expect([...files.keys()].filter((file) => !run.has(file))).toEqual([]);
  });

  test('has every test of the files that promise so', () => {
    const whole = [...files.values()].filter(({ wantsAll }) => wantsAll);
    expect(whole.flatMap((file) => file.tests.filter(({ faults }) => faults.length === 0))).toEqual([]);
  });

  test('is named above nothing but tests', () => {
    const stray = [...files].flatMap(([file, { strayLines }]) => strayLines.map((line) => `${file}:${line}`));
    expect(stray).toEqual([]);
  });
});
