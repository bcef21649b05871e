/** Text for a terminal, a shell and a script. */
import { escapeControls } from '../json/escape-text.js';

export { factLines } from '../json/fact-lines.js';
export { memberOf } from '../json/member-of.js';

/** One word for a POSIX shell, whatever is in it. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** RFC 3339 in UTC, without milliseconds where there are none. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** What went wrong, and what to do about it. */
export function faultText({
  message,
  remedy,
}: {
  readonly message: string;
  readonly remedy: string;
}): string {
  return `countersign: ${escapeControls(message)}\n  remedy: ${escapeControls(remedy)}\n`;
}

/** JSON for scripts: two spaces, a final newline. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Rows in columns, the first row being the heading; every cell escaped. */
export function tableLines(rows: readonly (readonly string[])[], indent = '  '): string {
  const cells = rows.map((row) => row.map(escapeControls));
  const widths: number[] = [];
  for (const row of cells)
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${indent}${line}\n`)
    .join('');
}
