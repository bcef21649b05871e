/**
 * The YAML document: parsed strictly, with the line of everything in it.
 * Of YAML 1.2 the plain part is taken: no second meaning for a key, no unknown tag, no flood of aliases.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import { findExcess } from './document-bounds.js';
import type { ConfigurationPath } from './findings.js';

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
  | { readonly ok: false; readonly faults: readonly DocumentFault[] };

/** An alias may stand for this many nodes in all; beyond it is a bomb, not a convenience. */
const maxAliasCount = 100;

/** Parses `text`; every fault of the document is listed, none throws. */
export function parseConfigurationDocument(text: string): DocumentResult {
  const lines = new LineCounter();
  try {
    const excess = findExcess(text);
    return excess === undefined ? interpret(text, lines) : single(excess.message, excess.remedy);
  } catch (error) {
    // What recurses over a document nested thousands deep exhausts the stack; toJS throws on alias bombs.
    if (error instanceof RangeError) return single('is nested too deeply', 'write a flatter file');
    if (error instanceof ReferenceError)
      return single('repeats itself by aliases without end', 'write the values out');
    throw error;
  }
}

function interpret(text: string, lines: LineCounter): DocumentResult {
  // Duplicate keys are found below, in linear time and with their path.
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
  });
  const [document, second] = Array.isArray(parsed) ? parsed : [];
  if (document === undefined) return single('is empty', 'start from the example in docs/configuration.md');
  if (second !== undefined) return single('holds several YAML documents', 'keep one document, without ---');
  const broken = syntaxFault(document, text, lines);
  if (broken !== undefined) return { ok: false, faults: [broken] };
  const faults = [...tagFaults(document, lines), ...structureFaults(document, lines)];
  if (faults.length > 0) return { ok: false, faults };
  const value: unknown = document.toJS({ maxAliasCount });
  if (value === null) return single('is empty', 'start from the example in docs/configuration.md');
  return { ok: true, value, lineOf: (path) => lineOfPath(document, lines, path) };
}

function single(message: string, remedy: string): DocumentResult {
  return { ok: false, faults: [{ path: [], line: undefined, message, remedy }] };
}

/** The first: what the parser says after it is about what it took the rest for. A tab that misled it goes before. */
function syntaxFault(document: Document, text: string, lines: LineCounter): DocumentFault | undefined {
  const [first, ...others] = document.errors;
  if (first === undefined) return undefined;
  const lineOf = ({ pos }: { readonly pos: readonly [number, number] }): number => lines.linePos(pos[0]).line;
  if (first.code === 'RESOURCE_EXHAUSTION')
    return { path: [], line: lineOf(first), message: 'is nested too deeply', remedy: 'write a flatter file' };
  const tabbed = [first, ...others].find((error) =>
    isIndentedByTab(text, lines.lineStarts[lineOf(error) - 1]),
  );
  if (tabbed !== undefined)
    return {
      path: [],
      line: lineOf(tabbed),
      message: 'is not valid YAML: Tabs are not allowed as indentation',
      remedy: 'indent with spaces, here and wherever else there is a tab',
    };
  return {
    path: [],
    line: lineOf(first),
    // Without the token at its end, which might be a piece of a secret.
    message: `is not valid YAML: ${first.message.replace(/:? ".*$/s, '')}`,
    remedy: 'correct the line; text with special characters belongs in quotes',
  };
}

function isIndentedByTab(text: string, start: number | undefined): boolean {
  let at = start ?? text.length;
  while (text[at] === ' ') at += 1;
  return text[at] === '\t';
}

function tagFaults(document: Document, lines: LineCounter): DocumentFault[] {
  return document.warnings.map((warning) => ({
    path: [],
    line: lines.linePos(warning.pos[0]).line,
    message: `has something that this format does not know: ${warning.message}`,
    remedy: 'remove the tag',
  }));
}

function structureFaults(document: Document, lines: LineCounter): DocumentFault[] {
  const faults: DocumentFault[] = [];
  const visit = (node: unknown, path: ConfigurationPath): void => {
    if (isSeq(node)) node.items.forEach((item, index) => visit(item, [...path, index]));
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const name = isScalar(pair.key) && typeof pair.key.value === 'string' ? pair.key.value : undefined;
      const fault = keyFault(name, seen);
      if (fault !== undefined)
        faults.push({ ...fault, path: [...path, name ?? '?'], line: lineOfNode(pair.key, lines) });
      if (name === undefined) continue;
      seen.add(name);
      visit(pair.value, [...path, name]);
    }
  };
  visit(document.contents, []);
  return faults;
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

function lineOfPath(document: Document, lines: LineCounter, path: ConfigurationPath): number | undefined {
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
  const pair = node.items.find((item: Pair) => isScalar(item.key) && item.key.value === String(segment));
  return pair === undefined ? undefined : { at: pair.key, value: pair.value };
}
