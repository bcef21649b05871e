/**
 * Where something new goes in a YAML text, and how it is laid out there: as its neighbours are. What comes out is a guess
 * about layout only; `edit-yaml.ts` reads the result again and takes none that says anything else than it should.
 */
import { isAlias, isMap, isScalar, isSeq, type CST, type Pair, type YAMLMap, type YAMLSeq } from 'yaml';
import { flowMapText, memberText, type NewItem, type TextStyle } from './scalar-text.js';
import { lineEnd, lineStart, type Splice } from './splice.js';

/** The first character of a node, and the one behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Of a node of a document that was parsed from text; comments behind it are not within. */
export function spanOf(node: unknown): Span {
  const range = isScalar(node) || isAlias(node) || isMap(node) || isSeq(node) ? node.range : undefined;
  if (range === undefined || range === null) throw new Error('a node without a place');
  return { start: range[0], end: endOf(node, range[1]) };
}

/** Block collections reach over the comments behind them: their last value tells where they end. */
function endOf(node: unknown, end: number): number {
  if (isMap(node) && node.flow !== true) return node.items.at(-1) ? pairSpan(node.items.at(-1)).end : end;
  if (isSeq(node) && node.flow !== true) return node.items.length > 0 ? spanOf(node.items.at(-1)).end : end;
  return end;
}

function pairSpan(pair: Pair | undefined): Span {
  const { start, end } = spanOf(pair?.key);
  const value = pair?.value ?? undefined;
  return { start, end: value === undefined ? end : spanOf(value).end };
}

/** As a map writes what it holds; `fallback` of an empty one. */
export function styleOf(map: YAMLMap, text: string, fallback: TextStyle): TextStyle {
  const key = map.items.at(-1)?.key;
  if (!isScalar(key)) return fallback;
  const quotes = key.type === 'QUOTE_DOUBLE' ? 'json' : 'yaml';
  const isSpaced = map.flow === true ? /\s/.test(text[spanOf(map).start + 1] ?? '') : quotes === 'yaml';
  return { quotes, isSpaced };
}

/** A member more in a map that has one already, or is written in braces. */
export function addMember(
  text: string,
  map: YAMLMap,
  [name, value]: NewItem[number],
  style: TextStyle,
): readonly Splice[] {
  const member = memberText(name, value, style);
  if (map.flow === true) return addToFlow(text, map, [member], style);
  const { start } = pairSpan(map.items.at(-1));
  return [insertLines(text, spanOf(map).end, [`${indentTo(text, start)}${member}`])];
}

/** A member more that is a list of maps. */
export function addList(
  text: string,
  map: YAMLMap,
  {
    name,
    items,
    style,
  }: { readonly name: string; readonly items: readonly NewItem[]; readonly style: TextStyle },
): readonly Splice[] {
  const entries = items.map((item) => flowMapText(item, style));
  const key = memberText(name, [], style).replace(/ \[\]$/, '');
  if (map.flow === true) return addToFlow(text, map, [`${key} [${entries.join(', ')}]`], style);
  const indent = indentTo(text, pairSpan(map.items.at(-1)).start);
  const lines = [`${indent}${key}`, ...entries.map((entry) => `${indent}  - ${entry}`)];
  return [insertLines(text, spanOf(map).end, lines, indent.length)];
}

/** Items more at the end of a list of maps, each as the last one is laid out. */
export function addItems(
  text: string,
  list: YAMLSeq,
  items: readonly NewItem[],
  style: TextStyle,
): readonly Splice[] {
  const last = list.items.at(-1);
  if (list.flow === true)
    return addToFlow(
      text,
      list,
      items.map((item) => flowMapText(item, style)),
      style,
    );
  const dash = lastDash(list);
  const start = spanOf(last).start;
  const gap = /^ {1,8}$/.test(text.slice(dash + 1, start)) ? text.slice(dash + 1, start) : ' ';
  const indent = indentTo(text, dash);
  const inner = `${indent} ${gap}`;
  const linesOf = (item: NewItem): string[] =>
    isMap(last) && last.flow !== true
      ? item.map(
          ([name, value], index) =>
            `${index === 0 ? `${indent}-${gap}` : inner}${memberText(name, value, style)}`,
        )
      : [`${indent}-${gap}${flowMapText(item, style)}`];
  return [insertLines(text, spanOf(list).end, items.flatMap(linesOf), indent.length)];
}

function lastDash(list: YAMLSeq): number {
  const token = list.srcToken as CST.BlockSequence | undefined;
  // Comments behind the last item are an item of their own, without a dash.
  const dash = token?.items.flatMap(({ start }) => start).findLast(({ type }) => type === 'seq-item-ind');
  if (dash === undefined) throw new Error('a list without dashes');
  return dash.offset;
}

/** As many spaces as stand, or would stand, before this character of its line. */
function indentTo(text: string, offset: number): string {
  return ' '.repeat(offset - lineStart(text, offset));
}

/**
 * Lines behind the one in which something ends. Comments below it that are indented further than `column` belong to it.
 */
function insertLines(text: string, contentEnd: number, lines: readonly string[], column = Infinity): Splice {
  const isLineStart = contentEnd > 0 && text[contentEnd - 1] === '\n';
  let at = isLineStart ? contentEnd : lineEnd(text, contentEnd);
  while (isCommentBeyond(text.slice(at, lineEnd(text, at)), column)) at = lineEnd(text, at);
  const end = lineFeedNear(text, contentEnd);
  const inserted = lines.join(end);
  return { start: at, end: at, text: text[at - 1] === '\n' ? inserted + end : end + inserted };
}

function isCommentBeyond(line: string, column: number): boolean {
  const indent = /^( *)#/.exec(line)?.[1];
  return indent !== undefined && indent.length > column;
}

/** As the line ends, or else the one before it. */
function lineFeedNear(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  const feed = end < 0 ? text.lastIndexOf('\n') : end;
  return text[feed - 1] === '\r' ? '\r\n' : '\n';
}

/** Entries more between brackets or braces: in the same line, or in lines of their own where the last one has one. */
function addToFlow(
  text: string,
  collection: YAMLMap | YAMLSeq,
  entries: readonly string[],
  { isSpaced }: TextStyle,
): readonly Splice[] {
  const last = lastSpan(collection);
  if (last === undefined) return [fillEmpty(text, collection, entries, isSpaced)];
  const comma = trailingComma(collection);
  const indent = text.slice(lineStart(text, last.start), last.start);
  const behind = comma === undefined ? last.end : comma + 1;
  const hasOwnLine =
    /^[ \t]*$/.test(indent) && /^[ \t]*(?:#.*)?\r?\n$/.test(text.slice(behind, lineEnd(text, behind)));
  if (!hasOwnLine)
    return [{ start: last.end, end: last.end, text: entries.map((entry) => `, ${entry}`).join('') }];
  const feed = lineFeedNear(text, behind);
  const at = lineEnd(text, behind);
  const lines = entries.map((entry) => `${indent}${entry}`).join(`,${feed}`);
  return [
    ...(comma === undefined ? [{ start: last.end, end: last.end, text: ',' }] : []),
    { start: at, end: at, text: `${lines}${comma === undefined ? '' : ','}${feed}` },
  ];
}

function lastSpan(collection: YAMLMap | YAMLSeq): Span | undefined {
  if (isMap(collection)) return collection.items.length === 0 ? undefined : pairSpan(collection.items.at(-1));
  return collection.items.length === 0 ? undefined : spanOf(collection.items.at(-1));
}

function fillEmpty(
  text: string,
  collection: YAMLMap | YAMLSeq,
  entries: readonly string[],
  isSpaced: boolean,
): Splice {
  const { start, end } = spanOf(collection);
  const inner = text.slice(start + 1, end - 1);
  const padding = isMap(collection) && isSpaced ? ' ' : '';
  const filled = `${padding}${entries.join(', ')}${padding}`;
  // A comment in there stays behind what is new.
  return { start: start + 1, end: /^ *$/.test(inner) ? end - 1 : start + 1, text: filled };
}

/** Its offset, where the last entry has one behind it. */
function trailingComma(collection: YAMLMap | YAMLSeq): number | undefined {
  const token = collection.srcToken as CST.FlowCollection | undefined;
  const last = token?.items.at(-1);
  if (last === undefined || last.key !== undefined || last.value !== undefined) return undefined;
  return last.start.find(({ type }) => type === 'comma')?.offset;
}
