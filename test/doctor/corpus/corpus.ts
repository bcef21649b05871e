/** The dumps of real Envoys: of each line the good one, and how that of every mutation differs from it. `UPDATE=1` with `live.test.ts` makes them again. */
import { readFileSync } from 'node:fs';
import type { Change } from '../support/patch.js';
import { withChanges } from '../support/patch.js';
import type { EnvoyLineName, Mutation } from './mutation.js';

/** One line's file. */
export interface Corpus {
  /** RFC 3339: when its certificates were new. */
  readonly madeAt: string;
  readonly good: unknown;
  readonly mutated: readonly {
    readonly rule: string;
    readonly title: string;
    readonly changes: readonly Change[];
  }[];
}

/** Both lines. */
export const LINES: readonly EnvoyLineName[] = ['1.40', '1.36'];

/** Where it is. */
export function corpusFile(line: EnvoyLineName): string {
  return `test/doctor/corpus/${line}.json`;
}

/** A line for each dump, so that a difference shows which changed. */
export function corpusText({ madeAt, good, mutated }: Corpus): string {
  const dumps = mutated.map((dump) => JSON.stringify(dump)).join(',\n');
  return `{"madeAt": "${madeAt}",\n"good": ${JSON.stringify(good)},\n"mutated": [\n${dumps}\n]}\n`;
}

/** What is kept of a line. */
export function corpusOf(line: EnvoyLineName): Corpus {
  return JSON.parse(readFileSync(corpusFile(line), 'utf8')) as Corpus;
}

/** The dump of a mutation, whole. */
export function dumpOf({ good, mutated }: Corpus, { rule, title }: Mutation): unknown {
  const found = mutated.find((kept) => kept.rule === rule && kept.title === title);
  if (found === undefined)
    throw new Error(`no dump is kept of ${rule} ${title}: UPDATE=1 npm run -s jest -- test/doctor/live`);
  return withChanges(good, found.changes);
}
