/** The rows of the demonstration as a table for a terminal or a log. */
import type { Paint } from '../progress.js';
import type { DemonstrationRow } from './demonstration.js';

const HEADINGS = ['request', 'expected', 'got', 'application saw it', ''] as const;

function cells(row: DemonstrationRow): string[] {
  const got = `${row.status === 0 ? 'no answer' : row.status}${row.code === '' ? '' : ` ${row.code}`}`;
  const seen = row.seen === undefined ? 'not known' : row.seen ? 'yes' : 'no';
  return [row.title, String(row.expectedStatus), got, seen, row.asExpected ? 'as it should be' : 'WRONG'];
}

/** One line a row, columns aligned, a heading above. */
export function tableLines(rows: readonly DemonstrationRow[], paint: Paint): string[] {
  const table = [HEADINGS.map(String), ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const text = table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return text.map((line, index) => {
    if (index === 0) return paint.faint(line);
    return rows[index - 1]?.asExpected === true ? paint.good(line) : paint.bad(line);
  });
}
