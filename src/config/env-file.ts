/** Reading a `.env` file as the existing gateway's loaders do: `NAME=value` lines, values raw. */

/** One assignment; `line` is 1-based. The value may be a secret: it is never put into a message. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

/** The assignments in order, and the lines that are none. */
export interface EnvironmentFile {
  readonly variables: readonly EnvironmentVariable[];
  readonly unreadableLines: readonly number[];
}

const assignment = /^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(.*)$/;

/**
 * Splits the text into assignments. Blank lines and `#` lines are skipped; one pair of matching quotes around a
 * whole value is dropped, and everything else stays as it is, so that JSON needs no quoting.
 */
export function parseEnvironmentFile(text: string): EnvironmentFile {
  const variables: EnvironmentVariable[] = [];
  const unreadableLines: number[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const match = assignment.exec(line);
    if (match?.[1] === undefined) unreadableLines.push(index + 1);
    else variables.push({ name: match[1], value: unquote((match[2] ?? '').trim()), line: index + 1 });
  });
  return { variables, unreadableLines };
}

function unquote(value: string): string {
  const quoteMark = value[0];
  const isQuoted = value.length > 1 && (quoteMark === '"' || quoteMark === "'") && value.endsWith(quoteMark);
  return isQuoted ? value.slice(1, -1) : value;
}
