import { BACKSLASH } from './bytes.js';
import { escapeLength, escapedUnit } from './escapes.js';
import { STRING_HAS_ESCAPES, STRING_HAS_NON_ASCII } from './strings.js';

/**
 * The value of a validated string content as a JavaScript string, a copy that does not keep the document alive.
 * Escaped lone surrogates stay as they are; escaped pairs, as two code units in a row, are whole characters.
 */
export function stringValue(document: Buffer, start: number, end: number, flags: number): string {
  const encoding = (flags & STRING_HAS_NON_ASCII) === 0 ? 'latin1' : 'utf8';
  if ((flags & STRING_HAS_ESCAPES) === 0) return document.toString(encoding, start, end);
  let text = '';
  let from = start;
  while (from < end) {
    const at = nextBackslash(document, from, end);
    if (at > from) text += document.toString(encoding, from, at);
    if (at === end) break;
    text += String.fromCharCode(escapedUnit(document, at));
    from = at + escapeLength(document, at);
  }
  return text;
}

function nextBackslash(document: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && document[at] !== BACKSLASH) at += 1;
  return at;
}
