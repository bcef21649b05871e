/** What loaders of `.env` files read differently, so that nobody can say what the gateway was told. Values are never shown. */

/** What is doubtful, and how to make it plain. */
export interface EnvironmentDoubt {
  readonly message: string;
  readonly remedy: string;
}

const quoted = (quoteMark: string): RegExp => new RegExp(`^${quoteMark}[^${quoteMark}]*${quoteMark}$`);
const wholeQuotes = [quoted('"'), quoted("'")] as const;

/** Whether one pair of quotes encloses the whole value, and none is inside. */
export function isWhollyQuoted(text: string): boolean {
  return wholeQuotes.some((pattern) => pattern.test(text));
}

/** Where some loader or editor ends a line and others do not; NUL, where C ends the text. */

const hiddenBreak = /[\u0000\u000b-\u000d\u001c-\u001e\u0085\u2028\u2029]/;

/** For every line, comments too: what stands behind such a character may be an assignment. */
export function breakDoubt(line: string): EnvironmentDoubt | undefined {
  return hiddenBreak.test(line)
    ? doubt('has a NUL or a line end inside that loaders read differently', 'end lines by LF or CRLF alone')
    : undefined;
}

/**
 * What makes some loaders read on past the end of the line, and so swallow the next variable, whosever this one is.
 * `text` is what follows the equals sign, without white space around it.
 */
export function lineDoubt(text: string): EnvironmentDoubt | undefined {
  if (text.endsWith('\\'))
    return doubt(
      'ends with a backslash, with which some loaders join the next line',
      'write the value on one line',
    );
  if (/^["']/.test(text) && !text.slice(1).includes(text.charAt(0)))
    return doubt(
      'begins with a quote that is not closed, and some loaders read on to the next one',
      'close the quote, or remove it',
    );
  return undefined;
}

/** Its members need quotes of their own; a value of this kind is meant to be raw JSON. */
const beginsAsJson = /^[[{]/;

/** Each with the text that it concerns: as it is written, or with one pair of quotes around it dropped. */
const doubtsOfRaw: readonly (readonly [RegExp, string, string])[] = [
  [
    /(?:^|[ \t])#/,
    'has a "#" that some loaders take for the beginning of a comment',
    'put the comment on a line of its own, or the whole value in single quotes',
  ],
  [
    /[ \t][A-Za-z_][A-Za-z0-9_]*=/,
    'holds what a shell takes for a second assignment',
    'write one assignment a line',
  ],
];
const doubtsOfAny: readonly (readonly [RegExp, string, string])[] = [
  [/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/, 'has a control character', 'remove it'],
  [
    /[\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]/,
    'has white space that is not ASCII, or a character that cannot be seen',
    'type the value anew',
  ],
  [
    /\$[{(A-Za-z_]/,
    'has a "$", for which some loaders put another variable in its place',
    'write the value itself',
  ],
];

/** What is doubtful about a value that we read. `text` is as for `lineDoubt`. */
export function valueDoubt(text: string): EnvironmentDoubt | undefined {
  const isQuoted = isWhollyQuoted(text);
  const found = [...(isQuoted ? [] : doubtsOfRaw), ...doubtsOfAny].find(([pattern]) => pattern.test(text));
  if (found !== undefined) return doubt(found[1], found[2]);
  if (isQuoted && text.includes('\\'))
    return doubt('has a backslash in quotes, which some loaders take for an escape', 'write it without');
  if (!isQuoted && !beginsAsJson.test(text) && /["']/.test(text))
    return doubt('has a stray quote', 'put one pair of quotes around the whole value, or none');
  return undefined;
}

function doubt(message: string, remedy: string): EnvironmentDoubt {
  return { message, remedy };
}
