/** Guessing what a misspelt key or value was meant to be. */

/** Longer words are no slips of a finger, and would make the comparison slow. */
const longestWord = 64;

/**
 * The known word nearest to `word` by insertions, deletions, replacements and swaps, case aside;
 * absent when none is within a third of its length. Of a singular in -y its plural is as near as itself.
 */
export function nearestOf(known: readonly string[], word: string): string | undefined {
  if (word.length > longestWord) return undefined;
  const allowed = Math.max(2, Math.floor(word.length / 3));
  const [written, plural] = [word.toLowerCase(), word.toLowerCase().replace(/y$/, 'ies')];
  const distanceTo = (name: string): number =>
    Math.min(editDistance(written, name), editDistance(plural, name));
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceTo(candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= allowed && distance < candidate.length)
    .sort((left, right) => left.distance - right.distance);
  return ranked[0]?.candidate;
}

/** Optimal string alignment distance: Levenshtein's, with a swap of neighbours counted once. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= from.length; row += 1) {
    const cells = [row];
    rows.push(cells);
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      cells.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (same ? 0 : 1),
          swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(from.length, to.length);
}
