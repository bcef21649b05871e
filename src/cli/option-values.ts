/** The values of options: numbers, syntax, addresses. */
import { InvalidArgumentError } from 'commander';
import type { AdminAddress } from '../observability/admin-client.js';

const DIGITS = /^(?:0|[1-9][0-9]{0,14})$/;

/** A parser for commander: decimal digits alone, within bounds that the message repeats. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = DIGITS.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** A parser for commander: the text itself, when it has the syntax. */
export function matching(syntax: RegExp): (text: string) => string {
  return (text) => {
    if (syntax.test(text)) return text;
    throw new InvalidArgumentError(`It must match ${syntax.source}.`);
  };
}

/** A parser for commander: an address of plain HTTP, such as that of an admin port. */
export function httpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:') return url;
  throw new InvalidArgumentError('It must be a URL that begins with http://.');
}

/** The same for an option that may be repeated, in order. */
export function collectingUrls(text: string, earlier: readonly URL[] = []): readonly URL[] {
  return [...earlier, httpUrl(text)];
}

/** A parser for commander: an admin endpoint over TCP, or at a Unix socket (`unix:/PATH`, `unix:@NAME`). */
export function adminAddress(text: string): AdminAddress {
  const path = /^unix:((?:\/|@)[\x21-\x7e]{1,106})$/.exec(text)?.[1];
  return path === undefined ? { kind: 'tcp', url: httpUrl(text) } : { kind: 'unix', path };
}

/** A content type: visible ASCII and inner spaces, so that it cannot break out of its header line. */
export const CONTENT_TYPE = /^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/;

/** A parser for commander, for an option that may be repeated: the texts that have the syntax, in order. */
export function collecting(
  syntax: RegExp,
): (text: string, earlier: readonly string[] | undefined) => readonly string[] {
  const parse = matching(syntax);
  return (text, earlier = []) => [...earlier, parse(text)];
}
