/** Reading a `.env` file: `NAME=value` lines, values raw, and what about each of them other loaders read differently. */
import { breakDoubt, isWhollyQuoted, lineDoubt, valueDoubt, type EnvironmentDoubt } from './env-doubts.js';

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
