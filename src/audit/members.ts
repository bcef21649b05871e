/** Members of a record, as text: joined by hand, as `JSON.stringify` of the whole costs twice as much. */
import { escapeControls } from '../json/escape-text.js';

/** A member whose value is a word, a UUID or a hash that we made ourselves: nothing in it to escape. */
export function ours(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":"${value}"`;
}

/** Needs no escaping in a JSON string. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** `,"name":"value"`, escaped so that a record stays one line; nothing for what is undefined. */
export function member(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  return `,"${name}":${PLAIN.test(value) ? `"${value}"` : escapeControls(JSON.stringify(value))}`;
}
