/** Changes of a text by offset. Whatever no splice covers stays as it is, byte for byte. */

/** Replaces the characters from `start` until before `end`; an insertion where both are equal. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The text with all of them made. Of those that begin at one place, the order stays. They must not overlap. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let [result, at] = ['', 0];
  for (const { start, end, text: insertion } of inOrder(splices)) {
    if (start < at || end < start || text.length < end) throw new RangeError('splices overlap');
    result += text.slice(at, start) + insertion;
    at = end;
  }
  return result + text.slice(at);
}

/** From the front of the text to its end. */
export function inOrder(splices: readonly Splice[]): readonly Splice[] {
  return [...splices].sort((left, right) => left.start - right.start);
}

/** Where the line of an offset begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** Just behind the line feed of the line of an offset; the end of the text where there is none. */
export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}
