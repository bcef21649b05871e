/**
 * The YAML document: parsed strictly, with the line of everything in it.
 * Of YAML 1.2 the plain part is taken: no second meaning for a key, no unknown tag, no flood of aliases.
 */
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  type CST,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml';
import { boundedTokens, ExcessError, tooDeep, tooManyAliases, type Excess } from './document-bounds.js';
import { BoundedFindings, type ConfigurationPath } from './findings.js';

/** A fault of the document itself; `offset` counts characters from its beginning. */
export interface DocumentFault {
  readonly path: ConfigurationPath;
  readonly line: number | undefined;
  readonly message: string;
  readonly remedy: string;
}

/** The parsed document: its value is plain data, not verified against any schema. */
export type DocumentResult =
  | {
      readonly ok: true;
      readonly value: unknown;
      /** The 1-based line of a path, or of the nearest node above it. */
      readonly lineOf: (path: ConfigurationPath) => number | undefined;
    }
  | { readonly ok: false; readonly faults: BoundedFindings<DocumentFault> };

/** An alias may stand for this many nodes in all; beyond it is a bomb, not a convenience. */
const maxAliasCount = 100;

/** Parses `text`; every fault of the document is listed, none throws. */
export function parseConfigurationDocument(text: string): DocumentResult {
  const lines = new LineCounter();
  try {
    return interpret(text, lines);
  } catch (error) {
    if (error instanceof ExcessError) return single(error.excess);
    // What recurses over a document nested thousands deep exhausts the stack; toJS throws on alias bombs.
    if (error instanceof RangeError) return single(tooDeep);
    if (error instanceof ReferenceError) return single(tooManyAliases);
    throw error;
  }
}

function interpret(text: string, lines: LineCounter): DocumentResult {
  // Duplicate keys are found below, in linear time and with their path.
  const composer = new Composer({
    prettyErrors: false,
    strict: true,
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
  });
  const [document, second] = composer.compose(syntaxOf(text, lines));
  if (document === undefined) return single(empty);
  if (second !== undefined)
    return single({ message: 'holds several YAML documents', remedy: 'keep one document, without ---' });
  const broken = syntaxFault(document, text, lines);
  if (broken !== undefined) return single(broken);
  const faults = new BoundedFindings<DocumentFault>();
  findTagFaults(document, lines, faults);
  findStructureFaults(document, lines, faults);
  if (faults.count > 0) return { ok: false, faults };
  const value: unknown = document.toJS({ maxAliasCount });
  if (value === null) return single(empty);
  const members = new Members();
  return { ok: true, value, lineOf: (path) => lineOfPath({ document, lines, members }, path) };
}

const empty: Excess = { message: 'is empty', remedy: 'start from the example in docs/configuration.md' };

/** What `Parser.parse` gives, with the tokens counted on their way, so that the text is taken apart once. */
function* syntaxOf(text: string, lines: LineCounter): Generator<CST.Token, void> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const token of boundedTokens(text)) yield* parser.next(token);
  yield* parser.end();
}

function single(fault: Excess & Partial<Pick<DocumentFault, 'line'>>): DocumentResult {
  const faults = new BoundedFindings<DocumentFault>();
  faults.add([], () => ({ path: [], line: undefined, ...fault }));
  return { ok: false, faults };
}

type LocatedExcess = Excess & { readonly line: number };

/** The first: what the parser says after it is about what it took the rest for. A tab that misled it goes before. */
function syntaxFault(document: Document, text: string, lines: LineCounter): LocatedExcess | undefined {
  const [first, ...others] = document.errors;
  if (first === undefined) return undefined;
  const lineOf = ({ pos }: { readonly pos: readonly [number, number] }): number => lines.linePos(pos[0]).line;
  if (first.code === 'RESOURCE_EXHAUSTION') return { line: lineOf(first), ...tooDeep };
  const tabbed = [first, ...others].find((error) =>
    isIndentedByTab(text, lines.lineStarts[lineOf(error) - 1]),
  );
  if (tabbed !== undefined)
    return {
      line: lineOf(tabbed),
      message: 'is not valid YAML: Tabs are not allowed as indentation',
      remedy: 'indent with spaces, here and wherever else there is a tab',
    };
  return {
    line: lineOf(first),
    // Without the token at its end, which might be a piece of a secret.
    message: `is not valid YAML: ${first.message.replace(/:? ".*$/s, '')}`,
    remedy:
      'correct the line: a key ends with a colon and a space, and text with special characters belongs in quotes',
  };
}

function isIndentedByTab(text: string, start: number | undefined): boolean {
  let at = start ?? text.length;
  while (text[at] === ' ') at += 1;
  return text[at] === '\t';
}

type Faults = BoundedFindings<DocumentFault>;

function findTagFaults(document: Document, lines: LineCounter, faults: Faults): void {
  for (const warning of document.warnings)
    faults.add([], () => ({
      path: [],
      line: lines.linePos(warning.pos[0]).line,
      message: `has something that this format does not know: ${warning.message}`,
      remedy: 'remove the tag',
    }));
}

function findStructureFaults(document: Document, lines: LineCounter, faults: Faults): void {
  const visit = (node: unknown, path: ConfigurationPath): void => {
    if (isSeq(node)) node.items.forEach((item, index) => visit(item, [...path, index]));
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const name = isScalar(pair.key) && typeof pair.key.value === 'string' ? pair.key.value : undefined;
      const fault = keyFault(name, seen);
      const place = [...path, name ?? '?'];
      if (fault !== undefined)
        faults.add(place, () => ({ ...fault, path: place, line: lineOfNode(pair.key, lines) }));
      if (name === undefined) continue;
      seen.add(name);
      visit(pair.value, place);
    }
  };
  visit(document.contents, []);
}

function keyFault(
  name: string | undefined,
  seen: ReadonlySet<string>,
): { message: string; remedy: string } | undefined {
  if (name === undefined)
    return { message: 'has a key that is not text, and would be rewritten', remedy: 'put the key in quotes' };
  if (name === '__proto__') return { message: 'cannot be a key here', remedy: 'choose another name' };
  if (name === '<<')
    return { message: 'is a merge key, which YAML 1.2 does not have', remedy: 'write the values out' };
  if (seen.has(name)) return { message: 'is there twice', remedy: 'keep one of the two' };
  return undefined;
}

function lineOfNode(node: unknown, lines: LineCounter): number | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range === null || range === undefined ? undefined : lines.linePos(range[0]).line;
}

/** A document, and where things are in it. */
interface Located {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly members: Members;
}

function lineOfPath({ document, lines, members }: Located, path: ConfigurationPath): number | undefined {
  let node: unknown = document.contents;
  let line = lineOfNode(node, lines);
  for (const segment of path) {
    const found = stepInto(isAlias(node) ? node.resolve(document) : node, segment, members);
    if (found === undefined) return line;
    line = lineOfNode(found.at, lines) ?? line;
    node = found.value;
  }
  return line;
}

function stepInto(
  node: unknown,
  segment: string | number,
  members: Members,
): { at: unknown; value: unknown } | undefined {
  if (isSeq(node) && typeof segment === 'number') {
    const item = node.items[segment];
    return item === undefined ? undefined : { at: item, value: item };
  }
  if (!isMap(node)) return undefined;
  const pair = members.of(node).get(String(segment));
  return pair === undefined ? undefined : { at: pair.key, value: pair.value };
}

/** The members of maps by name: the library looks through all of them each time. */
class Members {
  readonly #known = new WeakMap<YAMLMap, ReadonlyMap<unknown, YAMLMap['items'][number]>>();

  of(map: YAMLMap): ReadonlyMap<unknown, YAMLMap['items'][number]> {
    const known = this.#known.get(map);
    if (known !== undefined) return known;
    const members = new Map(map.items.map((pair) => [isScalar(pair.key) ? pair.key.value : undefined, pair]));
    this.#known.set(map, members);
    return members;
  }
}
