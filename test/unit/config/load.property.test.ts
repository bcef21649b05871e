import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createWorkspace, fixtures, type Workspace } from './workspace.js';

const good = parse(readFileSync(join(fixtures, 'good/own-policies.yaml'), 'utf8')) as Record<string, unknown>;

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace();
});
afterAll(() => workspace.remove());

/** Every place of a value: the paths of all its members. */
function placesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, member]) => placesOf(member, [...path, key]))];
}

function withValueAt(value: unknown, [key, ...rest]: readonly string[], replacement: unknown): unknown {
  if (key === undefined) return replacement;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = withValueAt(copy[key], rest, replacement);
  return copy;
}

describe('loading', () => {
  test('never throws, and every refusal has a remedy, whatever stands in any place of a good file', () => {
    const place = fc.constantFrom(...placesOf(good));
    const oddValue = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom([], {}, '', -1, 1e308, '/', '__proto__', 'a'.repeat(300)),
    );
    fc.assert(
      fc.property(place, oddValue, (path, value) => {
        const result = workspace.load(JSON.stringify(withValueAt(good, path, value)));
        if (result.ok) return;
        expect(result.problems.length).toBeGreaterThan(0);
        for (const problem of result.problems) {
          expect(problem.remedy).not.toBe('');
          expect(problem.message).not.toMatch(/undefined|Invalid input|\[object/);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('never throws on any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => !workspace.load(text).ok));
  });
});
