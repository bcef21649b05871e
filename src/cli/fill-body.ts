/** Putting timestamp and nonce into a JSON body, every other byte left as it is. */
import { Token, isValueToken } from '../json/tokens.js';
import { Tokeniser } from '../json/tokeniser.js';

/** The body with both members set, or why it could not be done. */
type FillResult =
  { readonly ok: true; readonly body: Uint8Array } | { readonly ok: false; readonly reason: string };

/** A range of the document that will be replaced. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Sets the top-level members `timestamp` (an integer) and `nonce` (a string), which the federation routes want
 * equal to the headers. A member that is there is replaced where it stands, and must not be an object or array;
 * one that is not is put in front. Parsing and printing anew would change numbers such as `1.0`; this does not.
 */
export function fillBody(
  document: Uint8Array,
  values: { readonly timestampSeconds: number; readonly nonce: string },
): FillResult {
  const missing = new Map([
    ['timestamp', String(values.timestampSeconds)],
    ['nonce', JSON.stringify(values.nonce)],
  ]);
  const found = findEdits(document, missing);
  return typeof found === 'string'
    ? { ok: false, reason: found }
    : { ok: true, body: apply(document, found) };
}

/** Takes what it finds out of `missing`, and puts the rest behind the opening brace. */
function findEdits(document: Uint8Array, missing: Map<string, string>): Edit[] | string {
  const tokeniser = new Tokeniser(document);
  const edits: Edit[] = [];
  let wanted: string | undefined;
  let name: string | undefined;
  let bodyStart: number | undefined;
  let isEmpty = true;
  for (let token = tokeniser.next(); token !== Token.end; token = tokeniser.next()) {
    if (token === Token.fault) return `is not acceptable JSON: ${tokeniser.fault ?? 'unknown'}`;
    if (bodyStart === undefined) {
      if (token !== Token.beginObject) return 'is JSON, but no object';
      bodyStart = document.indexOf(0x7b) + 1;
    } else if (token === Token.name && tokeniser.depth === 1) {
      isEmpty = false;
      const { source, start, end } = tokeniser.names;
      name = new TextDecoder().decode(source.subarray(start, end));
      wanted = missing.get(name);
    } else if (isValueToken(token) && wanted !== undefined && name !== undefined) {
      if (token === Token.beginObject || token === Token.beginArray)
        return `has a "${name}" that is an object or array`;
      edits.push({ ...valueRange(tokeniser, token), text: wanted });
      missing.delete(name);
      wanted = undefined;
    }
  }
  return [insertion(missing, bodyStart ?? 0, isEmpty), ...edits];
}

/** A string's range is that of its content: the quotes are one byte either side. */
function valueRange({ start, end }: Tokeniser, token: Token): { start: number; end: number } {
  return token === Token.string ? { start: start - 1, end: end + 1 } : { start, end };
}

function insertion(missing: ReadonlyMap<string, string>, at: number, isEmpty: boolean): Edit {
  const members = [...missing].map(([name, value]) => `"${name}":${value}`).join(',');
  return { start: at, end: at, text: members === '' || isEmpty ? members : `${members},` };
}

function apply(document: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { start, end, text } of edits) {
    parts.push(document.subarray(from, start), Buffer.from(text));
    from = end;
  }
  parts.push(document.subarray(from));
  return Buffer.concat(parts);
}
