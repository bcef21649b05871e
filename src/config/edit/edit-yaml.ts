/**
 * Edits of a YAML text that leave everything else as it is: comments, order, quotes, anchors, line ends. A change is a few
 * splices of the text. The result is read again: one that says anything else than what was there with the edits made is
 * refused, whatever the layout was.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Document,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { composeDocuments, maxAliasCount } from '../document/document.js';
import { formatPath, type ConfigurationPath } from '../document/findings.js';
import { addItems, addList, addMember, spanOf, styleOf } from './insertions.js';
import { scalarText, type NewItem, type TextStyle } from './scalar-text.js';
import { applySplices, type Splice } from './splice.js';

/** One change. `at` is a map of the document. */
export type YamlEdit =
  /** A member gets this text as its value, whether it is there or not. */
  | { readonly kind: 'set'; readonly at: ConfigurationPath; readonly name: string; readonly value: string }
  /** A member that is a list of maps gets these more; it is made where it is missing. At most one edit a list. */
  | {
      readonly kind: 'append';
      readonly at: ConfigurationPath;
      readonly name: string;
      readonly items: readonly NewItem[];
    };

/** The text with all edits made, or why it has to be edited by hand: a sentence about the place at `path`. */
export type EditResult =
  | { readonly ok: true; readonly text: string; readonly splices: readonly Splice[] }
  | { readonly ok: false; readonly path: string; readonly message: string };

/** Thrown here alone: somewhere the text cannot be edited. */
class NotEditable extends Error {
  readonly path: ConfigurationPath;

  constructor(path: ConfigurationPath, message: string) {
    super(message);
    this.path = path;
  }
}

const DEFAULT_STYLE: TextStyle = { quotes: 'yaml', isSpaced: true };
const MARK = '\ufeff';

/** Edits a text that the loader takes. Never throws for anything in it. */
export function editYaml(text: string, edits: readonly YamlEdit[]): EditResult {
  // Offsets of the first line would be beside its columns.
  const mark = text.startsWith(MARK) ? MARK : '';
  const body = text.slice(mark.length);
  try {
    const document = parse(body);
    const splices = edits.flatMap((edit) => splicesOf(body, document, edit));
    const edited = applySplices(body, splices);
    requireMeaning(document, parse(edited), edits);
    const shifted = splices.map((splice) => ({
      ...splice,
      start: splice.start + mark.length,
      end: splice.end + mark.length,
    }));
    return { ok: true, text: mark + edited, splices: shifted };
  } catch (error) {
    if (error instanceof NotEditable)
      return { ok: false, path: formatPath(error.path), message: error.message };
    throw error;
  }
}

function parse(text: string): Document {
  const [document, another] = composeDocuments(text, new LineCounter(), true);
  if (document === undefined || another !== undefined || document.errors.length > 0)
    throw new NotEditable([], 'is laid out in a way in which nothing can be added safely');
  return document;
}

/** A document as plain data without shared parts: an alias is a copy. */
function dataOf(document: Document): unknown {
  return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount })));
}

/** What a text that the loader takes says, as plain data without shared parts. */
export function yamlData(text: string): unknown {
  return dataOf(parse(text.startsWith(MARK) ? text.slice(MARK.length) : text));
}

function requireMeaning(before: Document, after: Document, edits: readonly YamlEdit[]): void {
  const expected = dataOf(before);
  for (const edit of edits) applyTo(expected, edit);
  if (isDeepStrictEqual(dataOf(after), expected)) return;
  throw new NotEditable(
    edits[0]?.at ?? [],
    'is laid out in a way in which a change here changes something else too, such as what an alias repeats',
  );
}

function applyTo(data: unknown, edit: YamlEdit): void {
  const map = edit.at.reduce<unknown>(
    (node, segment) => (node as Record<string | number, unknown>)[segment],
    data,
  );
  const members = map as Record<string, unknown>;
  if (edit.kind === 'set') members[edit.name] = edit.value;
  else
    members[edit.name] = [
      ...((members[edit.name] ?? []) as unknown[]),
      ...edit.items.map((item) => Object.fromEntries(item)),
    ];
}

function splicesOf(text: string, document: Document, edit: YamlEdit): readonly Splice[] {
  const map = mapAt(document, edit.at);
  const style = styleOf(map, text, DEFAULT_STYLE);
  const path = [...edit.at, edit.name];
  const value = map.items.find(({ key }) => isScalar(key) && key.value === edit.name)?.value;
  refuseAlias(value, path);
  if (edit.kind === 'set')
    return value === undefined
      ? addMember(text, map, [edit.name, edit.value], style)
      : [replaceScalar(value, edit.value, path)];
  const { name, items } = edit;
  if (value === undefined)
    return addList(text, map, { name, items, style: { ...style, isSpaced: style.quotes === 'yaml' } });
  if (!isSeq(value)) throw new NotEditable(path, 'is no list that something could be added to');
  return addItems(text, value, items, itemStyle(text, value, style));
}

/** As the last item is written, or, without one, as the map around it. */
function itemStyle(text: string, list: YAMLSeq, around: TextStyle): TextStyle {
  const last = list.items.at(-1);
  return isMap(last) ? styleOf(last, text, around) : { ...around, isSpaced: around.quotes === 'yaml' };
}

function mapAt(document: Document, path: ConfigurationPath): YAMLMap {
  let node: unknown = document.contents;
  path.forEach((segment, index) => {
    refuseAlias(node, path.slice(0, index));
    node = isSeq(node)
      ? node.items[Number(segment)]
      : isMap(node)
        ? valueOf(node, String(segment))
        : undefined;
  });
  refuseAlias(node, path);
  if (!isMap(node) || (node.items.length === 0 && node.flow !== true))
    throw new NotEditable(path, 'is no map that something could be added to');
  return node;
}

function valueOf(map: YAMLMap, name: string): unknown {
  return map.items.find(({ key }) => isScalar(key) && key.value === name)?.value;
}

function refuseAlias(node: unknown, path: ConfigurationPath): void {
  if (isAlias(node))
    throw new NotEditable(
      path,
      `is an alias (*${node.source}): what is changed here would change elsewhere too`,
    );
}

/** In the quotes that are there. */
function replaceScalar(node: unknown, value: string, path: ConfigurationPath): Splice {
  const type = isScalar(node) ? node.type : undefined;
  const quotes = type === 'QUOTE_DOUBLE' ? 'json' : type === 'QUOTE_SINGLE' ? 'single' : 'yaml';
  const { start, end } = spanOf(node);
  if (type === undefined || type.startsWith('BLOCK') || start === end)
    throw new NotEditable(path, 'is no text in one line that something could take the place of');
  return { start, end, text: scalarText(value, quotes) };
}
