/** Facts for people, a line each: what is said of a request, a key or a certificate. */
import { escapeControls } from './escape-text.js';

/** A list of `name: value` lines, the values in one column. Names that have no value are left out. */
export function factLines(facts: readonly (readonly [string, string | undefined])[], indent = '  '): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length + 1));
  return facts
    .filter((fact): fact is readonly [string, string] => fact[1] !== undefined)
    .map(([name, value]) => `${indent}${`${name}:`.padEnd(width)} ${escapeControls(value)}\n`)
    .join('');
}
