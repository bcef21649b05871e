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
    // Of comments too: what stands behind such a character may be an assignment.
    const broken = firstDoubt(raw, doubtsOfLineEnds);
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
  const isQuoted = isWhollyQuoted(written);
  const ofLine = firstDoubt(written, doubtsOfLine);
  const ofValue =
    firstDoubt(written, isQuoted ? doubtsOfQuoted : doubtsOfUnquoted) ??
    (hasWhiteSpace ? whiteSpaceDoubt : undefined);
  return {
    name: match[1],
    value: isQuoted ? written.slice(1, -1) : written,
    line,
    ...(ofLine && { lineDoubt: ofLine }),
    ...(ofValue && { valueDoubt: ofValue }),
  };
}

/** As loaders do, and not as `trim`, which takes white space away that is not ASCII. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}

/** What is doubtful, and how to make it plain. */
export interface EnvironmentDoubt {
  readonly message: string;
  readonly remedy: string;
}

/** Whether one pair of quotes encloses the whole value, and none is inside. */
function isWhollyQuoted(text: string): boolean {
  return /^(?:"[^"]*"|'[^']*')$/.test(text);
}

/** A text that the pattern finds is doubtful. */
type DoubtRule = readonly [pattern: RegExp, message: string, remedy: string];

/** The first doubt about the text. */
function firstDoubt(text: string, rules: readonly DoubtRule[]): EnvironmentDoubt | undefined {
  const [, message, remedy] = rules.find(([pattern]) => pattern.test(text)) ?? [];
  return message === undefined || remedy === undefined ? undefined : { message, remedy };
}

const whiteSpaceDoubt: EnvironmentDoubt = {
  message: 'has white space around its value or its name, which some loaders keep',
  remedy: 'remove it',
};

/** Where some loader or editor ends a line and others do not; NUL, where C ends the text. */
const doubtsOfLineEnds: readonly DoubtRule[] = [
  [
    /[\u0000\u000b-\u000d\u001c-\u001e\u0085\u2028\u2029]/,
    'has a NUL or a line end inside that loaders read differently',
    'end lines by LF or CRLF alone',
  ],
];

/**
 * What makes some loaders read on past the end of the line, and so swallow the next variable, whosever this one is.
 * The text is what follows the equals sign, without white space around it, as for the others below.
 */
const doubtsOfLine: readonly DoubtRule[] = [
  [/\\$/, 'ends with a backslash, with which some loaders join the next line', 'write the value on one line'],
  [
    /^(["'])(?![^]*\1)/,
    'begins with a quote that is not closed, and some loaders read on to the next one',
    'close the quote, or remove it',
  ],
];

const doubtsOfAny: readonly DoubtRule[] = [
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
const doubtsOfQuoted: readonly DoubtRule[] = [
  ...doubtsOfAny,
  [/\\/, 'has a backslash in quotes, which some loaders take for an escape', 'write it without'],
];
const doubtsOfUnquoted: readonly DoubtRule[] = [
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
  ...doubtsOfAny,
  // The members of JSON need quotes of their own, and a value that begins so is meant to be JSON.
  [/^(?![[{])[^]*["']/, 'has a stray quote', 'put one pair of quotes around the whole value, or none'],
];
