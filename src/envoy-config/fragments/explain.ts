/** Puts a comment on each line of a fragment that has none yet, from the table of explanations; each reason is given once. */
import {
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  Scalar,
  type Node,
  type Pair,
} from 'yaml';
import { EXPLANATIONS } from './explanations.js';

/** The text of a fragment with what its lines are for. */
export function explain(text: string): string {
  const document = parseDocument(text, { compat: 'yaml-1.1' });
  const given = new Set<string>();
  walk(document.contents, [], (pair, path) => {
    const found = explanationOf(path);
    if (found === undefined || given.has(found.key) || hasComment(pair)) return;
    given.add(found.key);
    comment(pair, ` ${found.text}`);
  });
  return document.toString({ lineWidth: 0, singleQuote: true });
}

/** Names of members down to a line: lists and the envelopes of extensions are left out. */
export type MemberPath = readonly string[];

/** Calls `visit` for each member of each map. */
function walk(
  node: unknown,
  path: MemberPath,
  visit: (pair: Pair<Scalar, Node | null>, path: MemberPath) => void,
): void {
  if (isSeq(node)) for (const item of node.items) walk(item, path, visit);
  if (!isMap(node)) return;
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key)) continue;
    const name = String(pair.key.value);
    const own = name === 'typed_config' ? path : [...path, name];
    visit(pair as Pair<Scalar, Node | null>, own);
    walk(pair.value, own, visit);
  }
}

/** The explanation under the longest end of a path that the table has. */
export function explanationOf(path: MemberPath): { readonly key: string; readonly text: string } | undefined {
  for (let from = 0; from < path.length; from += 1) {
    const key = path.slice(from).join(' ');
    const text = EXPLANATIONS.get(key);
    if (text !== undefined) return { key, text };
  }
  return undefined;
}

/** A comment inside a list or map stands before its first item when it was read. */
function hasComment({ key, value }: Pair<Scalar, Node | null>): boolean {
  const first: unknown = isCollection(value) ? value.items[0] : undefined;
  const inside = isPair(first) && isScalar(first.key) ? first.key.commentBefore : undefined;
  return [key.commentBefore, value?.comment, value?.commentBefore, inside].some(
    (text) => typeof text === 'string' && text !== '',
  );
}

/** Behind a plain value; above everything else. */
function comment({ key, value }: Pair<Scalar, Node | null>, text: string): void {
  if (isScalar(value) && value.type !== Scalar.BLOCK_LITERAL) value.comment = text;
  else if (isCollection(value) && value.items.length > 0 && value.flow !== true) value.commentBefore = text;
  else key.commentBefore = text;
}
