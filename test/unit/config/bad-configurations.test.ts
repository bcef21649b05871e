/**
 * Every file in fixtures/bad is refused for exactly the faults that its own first lines expect:
 * `# expect: path | part of the message | part of the remedy`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '../../../src/config/load.js';
import { renderProblems } from '../../../src/config/document/findings.js';
import { fixtures, nowMs, problemsOf } from './workspace.js';

const folder = join(fixtures, 'bad');

interface Expectation {
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
}

function expectationsOf(text: string): Expectation[] {
  return [...text.matchAll(/^# expect: (.*)$/gm)].map((match) => {
    const [path, message, remedy] = match[1]!.split('|').map((part) => part.trim());
    return { path: path!, message: message!, remedy: remedy! };
  });
}

describe('a bad configuration', () => {
  test.each(readdirSync(folder).sort())('%s is refused with its place and remedy', (name) => {
    const file = join(folder, name);
    const text = readFileSync(file, 'utf8');
    const problems = problemsOf(loadConfiguration(file, { generation: 1, nowMs }));
    const expected = expectationsOf(text);
    expect(expected.length).toBeGreaterThan(0);
    expect(problems.map((problem) => problem.path).sort()).toEqual(expected.map(({ path }) => path).sort());
    for (const { path, message, remedy } of expected) {
      const problem = problems.find((candidate) => candidate.path === path);
      expect(problem?.file).toBe(file);
      expect(problem?.message).toContain(message);
      expect(problem?.remedy).toContain(remedy);
    }
    expect(renderProblems(problems)).not.toMatch(/undefined|\[object|Invalid input/);
  });
});
