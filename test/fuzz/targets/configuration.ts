/** Configuration files: loaded, or refused with every problem's file, place and remedy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { LoadResult } from '../../../src/config/settings.js';
import { DocumentSource, type Chance } from '../../property/json-documents.js';
import { createWorkspace, fixtures } from '../../unit/config/workspace.js';
import { mutate } from '../mutate.js';
import { checkEach, type Target } from '../target.js';

const FILES = ['good/own-policies.yaml', 'good/every-encoding.yaml', 'good/minimal.yaml'] as const;
const TEXTS = FILES.map((name) => readFileSync(join(fixtures, name)));

/** What a file must never lead to: words of the parser, of JavaScript, or of nobody. */
const NOT_FOR_OPERATORS = /undefined|\[object|Invalid input|NaN|TypeError|at .+:\d+:\d+/;

function wrongResult(result: LoadResult): string | undefined {
  if (result.ok)
    return Object.isFrozen(result.configuration.snapshot) ? undefined : 'a snapshot that can be changed';
  if (result.problems.length === 0) return 'refused without a problem';
  for (const problem of result.problems) {
    const { file, path, message, remedy } = problem;
    if (file === '' || message === '' || remedy === '' || typeof path !== 'string')
      return `a problem without file, place or remedy: ${JSON.stringify(problem)}`;
    if (NOT_FOR_OPERATORS.test(`${message} ${remedy}`)) return `a problem in strange words: ${message}`;
  }
  return undefined;
}

type Member = readonly [holder: Record<string, unknown>, name: string];

/** Every member of every object and list. */
function membersOf(value: unknown): Member[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((name): Member[] => [[holder, name], ...membersOf(holder[name])]);
}

const ODD: readonly [unknown, ...unknown[]] = [
  null, '', [], {}, -1, 0, 1e308, 2 ** 53, true, '/', '..', '__proto__', 'constructor', 'a'.repeat(300), '\u0000', '0x10',
  '${HOME}', '1_000', '2026-13-45', 'feedback', 'memory', '\ud800', new Date(0),
]; // prettier-ignore

function spoilMember(chance: Chance, document: unknown): void {
  const members = membersOf(document);
  const [holder, name] = members[chance.below(members.length)] ?? [{}, ''];
  const [other, otherName] = members[chance.below(members.length)] ?? [{}, ''];
  switch (chance.below(5)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(name), 1);
      else Reflect.deleteProperty(holder, name);
      return;
    case 1:
      if (Array.isArray(holder)) holder.push(structuredClone(holder[Number(name)]));
      else holder[`${name}x`] = holder[name];
      return;
    case 2:
      holder[name] = structuredClone(other[otherName]);
      return;
    case 3:
      holder[name] = chance.pick(ODD);
      return;
    default:
      holder[name] = JSON.parse(new DocumentSource(chance).document());
  }
}

function make(chance: Chance, corpus: readonly Buffer[]): Buffer {
  const text = TEXTS[chance.below(TEXTS.length)] ?? Buffer.alloc(0);
  if (chance.below(4) === 0) return mutate(chance, text, corpus.length > 0 ? corpus : TEXTS);
  const document: unknown = parse(text.toString());
  for (let left = 1 + chance.below(3); left > 0; left--) spoilMember(chance, document);
  const spoiled = Buffer.from(chance.below(2) === 0 ? stringify(document) : JSON.stringify(document));
  return chance.below(6) === 0 ? mutate(chance, spoiled) : spoiled;
}

export function configurationTarget(): Target {
  const workspace = createWorkspace();
  return {
    name: 'configuration',
    make,
    check: (inputs) => checkEach(inputs, (text) => wrongResult(workspace.load(text))),
    close: () => workspace.remove(),
  };
}
