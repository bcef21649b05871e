/**
 * Which tests a test file holds and which faults they show, read from its source without running it.
 *
 * A comment directly above a `test`, an `it` or a `describe` names faults of `faults.ts`:
 *
 *     // Fault: redis-paused, redis-slow
 *     test('a Redis that stands still means 503, …', …)
 *
 * On a `describe` it holds for every test inside. A file that says `// Faults: every test` must have no test without.
 */
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** One call of `test` or `it`, also of the kind that is one test for each row of a table. */
export interface TaggedTest {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** With those of the describes around it, as they are written: placeholders stay. */
  readonly title: string;
  /** Ids of faults, its own and those of the describes around it. */
  readonly faults: readonly string[];
  /** It, or a describe around it, is `skip`, `only`, `todo` or `failing`. */
  readonly isSet: boolean;
}

/** What one file says. */
export interface TaggedFile {
  readonly tests: readonly TaggedTest[];
  /** Whether each of its tests must name a fault. */
  readonly wantsAll: boolean;
  /** Lines of tags that stand above nothing that is a test: each is a mistake. */
  readonly strayLines: readonly number[];
}

const CALLED = new Set(['test', 'it', 'describe']);
const SETTINGS = new Set(['skip', 'only', 'todo', 'failing']);
const TAG = /^\/\/ Fault: (.+)$/;
const ALL = /^\/\/ Faults: every test$/m;

interface Around {
  readonly titles: readonly string[];
  readonly faults: readonly string[];
  readonly isSet: boolean;
}

/** Reads a file; throws when there is none. `file` is kept as it is given. */
export function taggedTests(file: string): TaggedFile {
  return taggedTestsOf(file, readFileSync(file, 'utf8'));
}

/** The same of a text. */
export function taggedTestsOf(file: string, text: string): TaggedFile {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const tests: TaggedTest[] = [];
  const readLines = new Set<number>();
  const lineOf = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1;

  const visit = (node: ts.Node, around: Around): void => {
    const call = ts.isExpressionStatement(node) ? testCallOf(node.expression) : undefined;
    if (call === undefined) return ts.forEachChild(node, (child) => visit(child, around));
    const tags = tagsAbove(node, text);
    for (const { position } of tags) readLines.add(lineOf(position));
    const inside: Around = {
      titles: [...around.titles, call.title],
      faults: [...new Set([...around.faults, ...tags.flatMap(({ faults }) => faults)])],
      isSet: around.isSet || call.isSet,
    };
    if (call.isTest)
      tests.push({
        file,
        line: lineOf(node.getStart()),
        title: inside.titles.join(': '),
        faults: inside.faults,
        isSet: inside.isSet,
      });
    else ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(source, { titles: [], faults: [], isSet: false });

  const tagLines = text.split('\n').flatMap((line, at) => (TAG.test(line.trim()) ? [at + 1] : []));
  return {
    tests,
    wantsAll: ALL.test(text),
    strayLines: tagLines.filter((line) => !readLines.has(line)),
  };
}

/** `test(…)`, `it.each(…)(…)`, `describe.skip(…)` and so on; undefined for anything else. */
function testCallOf(
  node: ts.Expression,
): { readonly title: string; readonly isTest: boolean; readonly isSet: boolean } | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const words: string[] = [];
  let called: ts.Expression = node.expression;
  while (!ts.isIdentifier(called)) {
    if (ts.isPropertyAccessExpression(called)) words.push(called.name.text);
    else if (!ts.isCallExpression(called) && !ts.isTaggedTemplateExpression(called)) return undefined;
    called = ts.isTaggedTemplateExpression(called) ? called.tag : called.expression;
  }
  const [title] = node.arguments;
  if (!CALLED.has(called.text) || title === undefined) return undefined;
  return {
    title: titleOf(title),
    isTest: called.text !== 'describe',
    isSet: words.some((word) => SETTINGS.has(word)),
  };
}

/** A literal's text; of a template the text between its quotes; of anything else its source. */
function titleOf(title: ts.Expression): string {
  if (ts.isStringLiteralLike(title)) return title.text;
  return title.getText().replace(/^`|`$/g, '');
}

function tagsAbove(node: ts.Node, text: string): { position: number; faults: readonly string[] }[] {
  return (ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []).flatMap(({ pos, end }) => {
    const [, names] = TAG.exec(text.slice(pos, end).trim()) ?? [];
    return names === undefined
      ? []
      : [{ position: pos, faults: names.split(',').map((name) => name.trim()) }];
  });
}
