/** Reading an object's own members, numbers with their lexemes. Runs anywhere: no Node built-in and no Buffer. */
import { Token, isValueToken, type ValueToken } from '../../json/tokens.js';
import type { Tokeniser } from '../../json/tokeniser.js';

/** A member's value. A number with a fraction or an exponent is a float, any other an integer. */
export type JsonValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'integer' | 'float'; readonly lexeme: string }
  /** `true`, `false`, `null`, an object or an array. */
  | { readonly type: 'other' };

/** JsonObject by name; only those that were asked for. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

const OTHER: JsonValue = { type: 'other' };
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Reads the object whose `Token.beginObject` was the tokeniser's last token, up to its end.
 * @param text what the tokeniser reads; it has been judged as a whole, so that a fault in it is a defect.
 * @param wanted the names to keep; members of inner objects are never taken for the object's own.
 */
export function readObject(text: Uint8Array, tokeniser: Tokeniser, wanted: ReadonlySet<string>): JsonObject {
  const members = new Map<string, JsonValue>();
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

function valueOf(text: Uint8Array, { start, end }: Tokeniser, token: ValueToken): JsonValue {
  if (token !== Token.string && token !== Token.integer && token !== Token.float) return OTHER;
  const content = decoder.decode(text.subarray(start, end));
  if (token !== Token.string) return { type: token === Token.integer ? 'integer' : 'float', lexeme: content };
  // The content is that of a string which the tokeniser has judged, so this only resolves its escapes.
  return { type: 'string', value: JSON.parse(`"${content}"`) as string };
}
