/** Reading an object's own members, numbers with their lexemes. Runs anywhere: no Node built-in and no Buffer. */
import type { SelectedValue } from '../../json/scan.js';
import { Token, isValueToken, type ValueToken } from '../../json/tokens.js';
import type { Tokeniser } from '../../json/tokeniser.js';

/** The members of an object by name; only those that were asked for. */
export type JsonObject = ReadonlyMap<string, SelectedValue>;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Reads the object whose `Token.beginObject` was the tokeniser's last token, up to its end.
 * @param text what the tokeniser reads; it has been judged as a whole, so that a fault in it is a defect.
 * @param wanted the names to keep; members of inner objects are never taken for the object's own.
 */
export function readObject(text: Uint8Array, tokeniser: Tokeniser, wanted: ReadonlySet<string>): JsonObject {
  const members = new Map<string, SelectedValue>();
  const { depth } = tokeniser;
  let name: string | undefined;
  for (;;) {
    const token = nextToken(tokeniser);
    if (tokeniser.depth < depth) return members;
    if (token === Token.name) {
      if (tokeniser.depth === depth) name = nameOf(tokeniser);
    } else if (isValueToken(token) && name !== undefined) {
      if (wanted.has(name)) members.set(name, valueOf(text, tokeniser, token));
      name = undefined;
    }
  }
}

/**
 * Reads an array of objects; an element of another kind is `undefined`.
 * @param array a whole JSON text that has been judged and begins with a bracket.
 */
export function readObjects(
  array: Uint8Array,
  tokeniser: Tokeniser,
  wanted: ReadonlySet<string>,
): (JsonObject | undefined)[] {
  const objects: (JsonObject | undefined)[] = [];
  nextToken(tokeniser);
  for (;;) {
    const token = nextToken(tokeniser);
    if (token === Token.endArray) return objects;
    objects.push(token === Token.beginObject ? readObject(array, tokeniser, wanted) : undefined);
    while (tokeniser.depth > 1) nextToken(tokeniser);
  }
}

function nextToken(tokeniser: Tokeniser): Token {
  const token = tokeniser.next();
  if (token === Token.fault || token === Token.end) throw new Error('the text was not judged beforehand');
  return token;
}

/** A name with a lone surrogate decodes to something else, which none of the wanted names (ASCII) can equal. */
function nameOf({ names }: Tokeniser): string {
  return decoder.decode(names.source.subarray(names.start, names.end));
}

/** As `selectedValue` of `json/scan.ts`, which needs Node's Buffer. */
function valueOf(text: Uint8Array, tokeniser: Tokeniser, token: ValueToken): SelectedValue {
  switch (token) {
    case Token.string:
      // The tokeniser has judged the content, so this only resolves its escapes.
      return { type: 'string', value: JSON.parse(`"${contentOf(text, tokeniser)}"`) as string };
    case Token.integer:
      return { type: 'integer', lexeme: contentOf(text, tokeniser) };
    case Token.float:
      return { type: 'float', lexeme: contentOf(text, tokeniser) };
    case Token.beginObject:
      return { type: 'object' };
    case Token.beginArray:
      return { type: 'array' };
    case Token.null:
      return { type: 'null' };
    case Token.true:
    case Token.false:
      return { type: 'boolean', value: token === Token.true };
  }
}

function contentOf(text: Uint8Array, { start, end }: Tokeniser): string {
  return decoder.decode(text.subarray(start, end));
}
