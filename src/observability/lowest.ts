/** What a page or a scrape has room for, of things that may be thousands. */

/** At most so many of them, by rank, the lowest first; of one rank in the order in which they came. Each is ranked once. */
export function lowest<T>(items: readonly T[], most: number, rankOf: (item: T) => number): readonly T[] {
  const ranked = items.map((item) => ({ item, rank: rankOf(item) }));
  ranked.sort((one, other) => one.rank - other.rank);
  return ranked.slice(0, most).map(({ item }) => item);
}
