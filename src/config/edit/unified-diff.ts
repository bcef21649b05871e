/** A unified diff (POSIX `diff -u`) of a text and what splices make of it, without comparing anything: they say what changes. */
import { applySplices, inOrder, lineEnd, lineStart, type Splice } from './splice.js';

/** Unchanged lines that are shown around a change. */
const CONTEXT_LINES = 3;

/** Whole lines of the old text, `start` until before `end` in characters, and what takes their place. */
interface Change {
  start: number;
  end: number;
  splices: Splice[];
}

/** The diff with the name of the file in its heading; empty where nothing changes. A missing final line feed is said as `diff` says it. */
export function unifiedDiff(name: string, text: string, splices: readonly Splice[]): string {
  const hunks = hunksOf(text, changesOf(text, splices));
  return hunks.length === 0 ? '' : [`--- ${name}\n+++ ${name}\n`, ...hunks].join('');
}

/** Splices that touch the same lines are one change. */
function changesOf(text: string, splices: readonly Splice[]): readonly Change[] {
  const changes: Change[] = [];
  for (const splice of inOrder(splices)) {
    const start = lineStart(text, splice.start);
    const isWhole = splice.start === start && splice.text.endsWith('\n');
    const end =
      isWhole && splice.end === lineStart(text, splice.end) ? splice.end : lineEnd(text, splice.end);
    const last = changes.at(-1);
    if (last !== undefined && start < last.end) {
      last.end = Math.max(last.end, end);
      last.splices.push(splice);
    } else changes.push({ start, end, splices: [splice] });
  }
  return changes;
}

function hunksOf(text: string, changes: readonly Change[]): string[] {
  const hunks: string[] = [];
  let [oldLine, newLine, at] = [1, 1, 0];
  let open: Hunk | undefined;
  for (const { start, end, splices } of changes) {
    const between = linesOf(text.slice(at, start));
    if (open !== undefined && between.length > 2 * CONTEXT_LINES) {
      open.same(between.slice(0, CONTEXT_LINES));
      hunks.push(open.toString());
      open = undefined;
    }
    const before = open === undefined ? between.slice(-CONTEXT_LINES) : between;
    oldLine += between.length;
    newLine += between.length;
    open ??= new Hunk(oldLine - before.length, newLine - before.length);
    open.same(before);
    const removed = text.slice(start, end);
    const shifted = splices.map((splice) => ({
      ...splice,
      start: splice.start - start,
      end: splice.end - start,
    }));
    const added = linesOf(applySplices(removed, shifted));
    const gone = linesOf(removed);
    open.change(gone, added);
    oldLine += gone.length;
    newLine += added.length;
    at = end;
  }
  open?.same(linesOf(text.slice(at, nthLineEnd(text, at, CONTEXT_LINES))));
  if (open !== undefined) hunks.push(open.toString());
  return hunks;
}

function nthLineEnd(text: string, offset: number, lines: number): number {
  let end = offset;
  for (let line = 0; line < lines; line += 1) end = lineEnd(text, end);
  return end;
}

/** With their line feeds. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

class Hunk {
  readonly #oldLine: number;
  readonly #newLine: number;
  readonly #lines: string[] = [];
  #oldCount = 0;
  #newCount = 0;

  constructor(oldLine: number, newLine: number) {
    this.#oldLine = oldLine;
    this.#newLine = newLine;
  }

  same(lines: readonly string[]): void {
    this.#oldCount += lines.length;
    this.#newCount += lines.length;
    this.#add(' ', lines);
  }

  /** Lines that both begin or end with are none of the change. */
  change(removed: readonly string[], added: readonly string[]): void {
    const most = Math.min(removed.length, added.length);
    let head = 0;
    while (head < most && removed[head] === added[head]) head += 1;
    let tail = 0;
    while (tail < most - head && removed.at(-1 - tail) === added.at(-1 - tail)) tail += 1;
    this.same(removed.slice(0, head));
    this.#oldCount += removed.length - head - tail;
    this.#newCount += added.length - head - tail;
    this.#add('-', removed.slice(head, removed.length - tail));
    this.#add('+', added.slice(head, added.length - tail));
    this.same(removed.slice(removed.length - tail));
  }

  toString(): string {
    const range = (line: number, count: number): string => `${count === 0 ? line - 1 : line},${count}`;
    const heading = `@@ -${range(this.#oldLine, this.#oldCount)} +${range(this.#newLine, this.#newCount)} @@\n`;
    return heading + this.#lines.join('');
  }

  #add(sign: string, lines: readonly string[]): void {
    for (const line of lines)
      this.#lines.push(
        line.endsWith('\n') ? `${sign}${line}` : `${sign}${line}\n\\ No newline at end of file\n`,
      );
  }
}
