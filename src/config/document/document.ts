/**
 * The YAML document: parsed strictly, with the line of everything in it. Of YAML 1.2 the plain part is taken: no
 * second meaning for a key, no unknown tag, aliases in moderation, and no more levels than anybody writes: the library
 * recurses into each, and near the end of the stack V8 can abort the process instead of throwing a RangeError.
 */
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type CST,
  type Document,
  type ErrorCode,
  type Node,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { ConfigurationPath, Findings, LineOf } from './findings.js';

/** An alias may stand for this many nodes in all; what is beyond was not written by a person. */
export const maxAliasCount = 100;
/** The format itself needs fewer than ten levels. */
const maxDepth = 64;

/** Thrown while parsing, before anything recurses. */
class TooDeep extends Error {}

/**
 * Plain data, not verified against any schema; undefined when the text is no sound document, with every fault noted.
 * From here on `findings` knows the lines.
 */
export function parseConfigurationDocument(text: string, findings: Findings): unknown {
  const lines = new LineCounter();
  try {
    return interpret(text, lines, findings);
  } catch (error) {
    if (error instanceof TooDeep)
      findings.problem(
        [],
        `is nested too deeply: more than ${maxDepth} levels`,
        'write a flatter file',
        () => lines.lineStarts.length,
      );
    // toJS throws on a flood of aliases.
    else if (error instanceof ReferenceError)
      findings.problem([], 'repeats itself by aliases without end, or names nothing', 'write the values out');
    else throw error;
    return undefined;
  }
}

function interpret(text: string, lines: LineCounter, findings: Findings): unknown {
  const [document, another] = composeDocuments(text, lines);
  if (document === undefined) throw new Error('the library composed no document');
  if (another !== undefined) {
    findings.problem([], 'holds several YAML documents', 'keep one document, without ---');
    return undefined;
  }
  if (document.errors.length > 0) {
    noteSyntaxFault(document.errors, text, lines, findings);
    return undefined;
  }
  noteTags(document, lines, findings);
  noteBadKeys(document, lines, findings);
  if (findings.problemCount > 0) return undefined;
  const value: unknown = document.toJS({ maxAliasCount });
  if (value !== null) findings.lineOf = (path) => lineOfPath(document, lines, path);
  else findings.problem([], 'is empty', 'start from the example in docs/configuration.md');
  return value ?? undefined;
}

/**
 * The documents in the text, one after the other, syntax faults in `errors` of each. Throws where it is nested too deeply.
 * @param keepSourceTokens whether nodes know their tokens, which whoever edits the text needs.
 */
export function composeDocuments(
  text: string,
  lines: LineCounter,
  keepSourceTokens = false,
): Iterable<Document> {
  const composer = new Composer({
    strict: true,
    // Keys that are there twice are found by the loader, in linear time and with their path.
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    keepSourceTokens,
  });
  return composer.compose(boundedTokens(text, lines), true, text.length);
}

/** The documents as trees of tokens, which are built without recursion: what is open at any moment is on a stack. */
function* boundedTokens(text: string, lines: LineCounter): Generator<CST.Token, void> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > maxDepth) throw new TooDeep();
  }
  yield* parser.end();
}

/** The first: what the parser says after it is about what it took the rest for. A tab that misled it goes before. */
function noteSyntaxFault(
  errors: readonly YAMLError[],
  text: string,
  lines: LineCounter,
  findings: Findings,
): void {
  const lineOf = (error: YAMLError): number => lines.linePos(error.pos[0]).line;
  const tabbed = errors.find((error) => isIndentedByTab(text, lines.lineStarts[lineOf(error) - 1]));
  const [first] = errors;
  const fault = tabbed ?? first;
  if (fault === undefined) return;
  findings.problem([], ...syntaxTexts(fault, tabbed !== undefined), () => lineOf(fault));
}

function syntaxTexts(fault: YAMLError, isTab: boolean): readonly [message: string, remedy: string] {
  if (isTab)
    return [
      'is not valid YAML: Tabs are not allowed as indentation',
      'indent with spaces, here and wherever else there is a tab',
    ];
  return [
    `is not valid YAML: ${messageOf(fault)}`,
    'correct the line: a key ends with a colon and a space, and text with special characters belongs in quotes',
  ];
}

/** What the library says of these repeats text of the file in the middle of a sentence. */
const ownMessages: ReadonlyMap<ErrorCode, string> = new Map([
  ['TAG_RESOLVE_FAILED', 'Unresolved tag'],
  ['BAD_COLLECTION_TYPE', 'Unresolved tag'],
  ['BAD_DIRECTIVE', 'Unknown directive'],
  ['BAD_DQ_ESCAPE', 'Invalid escape sequence'],
]);

/** Without what the library repeats of the file behind a colon: that can be a piece of a secret, or megabytes. */
function messageOf({ code, message }: YAMLError): string {
  return ownMessages.get(code) ?? message.replace(/(?<=\w):.*$/s, '');
}

function isIndentedByTab(text: string, start: number | undefined): boolean {
  let at = start ?? text.length;
  while (text[at] === ' ') at += 1;
  return text[at] === '\t';
}

function noteTags({ warnings }: Document, lines: LineCounter, findings: Findings): void {
  for (const warning of warnings)
    findings.problem(
      [],
      `has something that this format does not know: ${messageOf(warning)}`,
      warning.code === 'TAG_RESOLVE_FAILED' ? 'remove the tag' : 'remove it',
      () => lines.linePos(warning.pos[0]).line,
    );
}

function noteBadKeys(document: Document, lines: LineCounter, findings: Findings): void {
  const visit = (node: unknown, path: ConfigurationPath): void => {
    if (isSeq(node)) node.items.forEach((item, index) => visit(item, [...path, index]));
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const name = isScalar(pair.key) && typeof pair.key.value === 'string' ? pair.key.value : undefined;
      const member = [...path, name ?? '?'];
      const fault = keyFault(name, seen);
      if (fault !== undefined) findings.problem(member, ...fault, () => lineOfNode(pair.key, lines));
      if (name === undefined) continue;
      seen.add(name);
      visit(pair.value, member);
    }
  };
  visit(document.contents, []);
}

function keyFault(
  name: string | undefined,
  seen: ReadonlySet<string>,
): readonly [message: string, remedy: string] | undefined {
  if (name === undefined)
    return ['has a key that is not text, and would be rewritten', 'put the key in quotes'];
  if (name === '__proto__') return ['cannot be a key here', 'choose another name'];
  if (name === '<<') return ['is a merge key, which YAML 1.2 does not have', 'write the values out'];
  return seen.has(name) ? ['is there twice', 'keep one of the two'] : undefined;
}

function lineOfNode(node: unknown, lines: LineCounter): number | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range === null || range === undefined ? undefined : lines.linePos(range[0]).line;
}

function lineOfPath(document: Document, lines: LineCounter, path: ConfigurationPath): ReturnType<LineOf> {
  let node: unknown = document.contents;
  let line = lineOfNode(node, lines);
  for (const segment of path) {
    const found = stepInto(isAlias(node) ? node.resolve(document) : node, segment);
    if (found === undefined) return line;
    line = lineOfNode(found.at, lines) ?? line;
    node = found.value;
  }
  return line;
}

function stepInto(node: unknown, segment: string | number): { at: unknown; value: unknown } | undefined {
  if (isSeq(node) && typeof segment === 'number') {
    const item = node.items[segment];
    return item === undefined ? undefined : { at: item, value: item };
  }
  if (!isMap(node)) return undefined;
  const pair = membersOf(node).get(String(segment));
  return pair === undefined ? undefined : { at: pair.key, value: pair.value };
}

type Members = ReadonlyMap<unknown, YAMLMap['items'][number]>;

/** The members of maps by name: the library looks through all of them each time. */
const knownMembers = new WeakMap<YAMLMap, Members>();

function membersOf(map: YAMLMap): Members {
  const known = knownMembers.get(map);
  if (known !== undefined) return known;
  const members = new Map(map.items.map((pair) => [isScalar(pair.key) ? pair.key.value : undefined, pair]));
  knownMembers.set(map, members);
  return members;
}
