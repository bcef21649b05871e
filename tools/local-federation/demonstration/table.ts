/** The rows of the demonstration as tables for a terminal or a log. */
import type { Paint } from '../progress.js';
import type { DemonstrationRow } from './demonstration.js';
import type { LoopRow } from './loop.js';

/** A line of a table before it is aligned. */
interface Line {
  readonly cells: readonly string[];
  readonly asExpected: boolean;
}

const verdict = (asExpected: boolean): string => (asExpected ? 'as it should be' : 'WRONG');

function requestLine(row: DemonstrationRow): Line {
  const got = `${row.status === 0 ? 'no answer' : row.status}${row.code === '' ? '' : ` ${row.code}`}`;
  const seen = row.seen === undefined ? 'not known' : row.seen ? 'yes' : 'no';
  const { title, expectedStatus, asExpected } = row;
  return { cells: [title, String(expectedStatus), got, seen, verdict(asExpected)], asExpected };
}

function loopLine({ title, expected, got, asExpected }: LoopRow): Line {
  return { cells: [title, expected, got, verdict(asExpected)], asExpected };
}

function aligned(headings: readonly string[], lines: readonly Line[], paint: Paint): string[] {
  const table = [headings, ...lines.map(({ cells }) => cells)];
  const widths = headings.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  const texts = table.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return texts.map((text, index) => {
    if (index === 0) return paint.faint(text);
    return lines[index - 1]?.asExpected === true ? paint.good(text) : paint.bad(text);
  });
}

/** What was sent: one line a row, columns aligned, a heading above. */
export function tableLines(rows: readonly DemonstrationRow[], paint: Paint): string[] {
  return aligned(['request', 'expected', 'got', 'application saw it', ''], rows.map(requestLine), paint);
}

/** The feedback loop, in the same form. */
export function loopLines(rows: readonly LoopRow[], paint: Paint): string[] {
  return aligned(['feedback loop', 'expected', 'got', ''], rows.map(loopLine), paint);
}
