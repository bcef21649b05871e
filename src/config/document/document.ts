/**
 * The YAML document: parsed strictly, with the line of everything in it. Of YAML 1.2 the plain part is taken: no
 * second meaning for a key, no unknown tag, aliases in moderation. The file is the operator's own, so nothing here
 * bounds what parsing it may cost, besides the size of the file.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { ConfigurationPath, Findings, LineOf } from './findings.js';

/** An alias may stand for this many nodes in all; what is beyond was not written by a person. */
const maxAliasCount = 100;

/**
 * Plain data, not verified against any schema; undefined when the text is no sound document, with every fault noted.
 * From here on `findings` knows the lines.
 */
export function parseConfigurationDocument(text: string, findings: Findings): unknown {
  try {
    return interpret(text, findings);
  } catch (error) {
    // What recurses over a document nested thousands deep exhausts the stack; toJS throws on a flood of aliases.
    if (error instanceof RangeError) findings.problem([], ...tooDeep);
    else if (error instanceof ReferenceError)
      findings.problem([], 'repeats itself by aliases without end, or names nothing', 'write the values out');
    else throw error;
    return undefined;
  }
}

const tooDeep = ['is nested too deeply', 'write a flatter file'] as const;

function interpret(text: string, findings: Findings): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    // Keys that are there twice are found below, in linear time and with their path.
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
  });
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

/** The first: what the parser says after it is about what it took the rest for. A tab that misled it goes before. */
function noteSyntaxFault(
  errors: readonly YAMLError[],
  text: string,
  lines: LineCounter,
  findings: Findings,
): void {
  if (errors.some(({ code }) => code === 'MULTIPLE_DOCS')) {
    findings.problem([], 'holds several YAML documents', 'keep one document, without ---');
    return;
  }
  const lineOf = (error: YAMLError): number => lines.linePos(error.pos[0]).line;
  const tabbed = errors.find((error) => isIndentedByTab(text, lines.lineStarts[lineOf(error) - 1]));
  const [first] = errors;
  const fault = tabbed ?? first;
  if (fault === undefined) return;
  findings.problem([], ...syntaxTexts(fault, tabbed !== undefined), () => lineOf(fault));
}

function syntaxTexts(
  { code, message }: YAMLError,
  isTab: boolean,
): readonly [message: string, remedy: string] {
  if (code === 'RESOURCE_EXHAUSTION') return tooDeep;
  if (isTab)
    return [
      'is not valid YAML: Tabs are not allowed as indentation',
      'indent with spaces, here and wherever else there is a tab',
    ];
  return [
    // Without the token at its end, which might be a piece of a secret.
    `is not valid YAML: ${message.replace(/:? ".*$/s, '')}`,
    'correct the line: a key ends with a colon and a space, and text with special characters belongs in quotes',
  ];
}

function isIndentedByTab(text: string, start: number | undefined): boolean {
  let at = start ?? text.length;
  while (text[at] === ' ') at += 1;
  return text[at] === '\t';
}

function noteTags({ warnings }: Document, lines: LineCounter, findings: Findings): void {
  for (const { message, pos } of warnings)
    findings.problem(
      [],
      `has something that this format does not know: ${message}`,
      'remove the tag',
      () => lines.linePos(pos[0]).line,
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
