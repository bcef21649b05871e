/** Reading a `.env` file: `NAME=value` lines, values raw, and what about each of them other loaders read differently. */

/** One assignment; `line` is 1-based. The value may be a secret: it is never put into a message. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
  /** What concerns the lines below it as well, whether or not anybody reads this variable. */
  readonly lineDoubt?: EnvironmentDoubt;
  /** What concerns the value of this variable alone. */
  readonly valueDoubt?: EnvironmentDoubt;
}

/** The assignments in order, and the lines that are none. */
export interface EnvironmentFile {
  readonly variables: readonly EnvironmentVariable[];
  readonly unreadableLines: readonly { readonly line: number; readonly text: string }[];
  /** Lines that hold what some loaders take for a line end. */
  readonly brokenLines: readonly (EnvironmentDoubt & { readonly line: number })[];
  /** Most loaders take a byte-order mark for a part of the first name. */
  readonly hasByteOrderMark: boolean;
}

const assignment = /^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)([ \t]*)=(.*)$/;
const byteOrderMark = '\ufeff';

/**
 * Splits the text into assignments. Blank lines and `#` lines are skipped; one pair of matching quotes around a
 * whole value is dropped, and everything else stays as it is, so that JSON needs no quoting.
 */
export function parseEnvironmentFile(text: string): EnvironmentFile {
  const variables: EnvironmentVariable[] = [];
  const unreadableLines: { line: number; text: string }[] = [];
  const brokenLines: (EnvironmentDoubt & { line: number })[] = [];
  const hasByteOrderMark = text.startsWith(byteOrderMark);
  const lines = (hasByteOrderMark ? text.slice(1) : text).split(/\r?\n/);
  lines.forEach((raw, index) => {
    const line = index + 1;
    const broken = breakDoubt(raw);
    if (broken !== undefined) brokenLines.push({ ...broken, line });
    const shown = raw.replace(/^[ \t]+/, '');
    if (trimmed(shown) === '' || shown.startsWith('#')) return;
    const variable = readAssignment(shown, line);
    if (variable === undefined) unreadableLines.push({ line, text: shown });
    else variables.push(variable);
  });
  return { variables, unreadableLines, brokenLines, hasByteOrderMark };
}

function readAssignment(text: string, line: number): EnvironmentVariable | undefined {
  const match = assignment.exec(text);
  if (match?.[1] === undefined) return undefined;
  const raw = match[3] ?? '';
  const written = trimmed(raw);
  const hasWhiteSpace = match[2] !== '' || written !== raw;
  const doubts = {
    line: lineDoubt(written),
    value: valueDoubt(written) ?? (hasWhiteSpace ? around : undefined),
  };
  return {
    name: match[1],
    value: isWhollyQuoted(written) ? written.slice(1, -1) : written,
    line,
    ...(doubts.line && { lineDoubt: doubts.line }),
    ...(doubts.value && { valueDoubt: doubts.value }),
  };
}

const around: EnvironmentDoubt = {
  message: 'has white space around its value or its name, which some loaders keep',
  remedy: 'remove it',
};

/** As loaders do, and not as `trim`, which takes white space away that is not ASCII. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}

/** What is doubtful, and how to make it plain. */
export interface EnvironmentDoubt {
  readonly message: string;
  readonly remedy: string;
}

const quoted = (quoteMark: string): RegExp => new RegExp(`^${quoteMark}[^${quoteMark}]*${quoteMark}$`);
const wholeQuotes = [quoted('"'), quoted("'")] as const;

/** Whether one pair of quotes encloses the whole value, and none is inside. */
function isWhollyQuoted(text: string): boolean {
  return wholeQuotes.some((pattern) => pattern.test(text));
}

/** Where some loader or editor ends a line and others do not; NUL, where C ends the text. */

const hiddenBreak = /[\u0000\u000b-\u000d\u001c-\u001e\u0085\u2028\u2029]/;

/** For every line, comments too: what stands behind such a character may be an assignment. */
function breakDoubt(line: string): EnvironmentDoubt | undefined {
  return hiddenBreak.test(line)
    ? doubt('has a NUL or a line end inside that loaders read differently', 'end lines by LF or CRLF alone')
    : undefined;
}

/**
 * What makes some loaders read on past the end of the line, and so swallow the next variable, whosever this one is.
 * `text` is what follows the equals sign, without white space around it.
 */
function lineDoubt(text: string): EnvironmentDoubt | undefined {
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
function valueDoubt(text: string): EnvironmentDoubt | undefined {
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
