/** How many entries live, in all and per identity, kept by the second in which they die. */

/** The entries of one timestamp: they all die together. */
interface Generation {
  total: number;
  readonly byIdentity: Map<number, number>;
}

/** A ring of generations: an entry's second of death is its timestamp's, so counting it out is subtracting a sum. */
export class Generations {
  readonly #byTimestamp = new Map<number, Generation>();
  readonly #held: number[] = [];
  #total = 0;
  #droppedThroughSeconds = 0;

  total(): number {
    return this.#total;
  }

  heldBy(identity: number): number {
    return this.#held[identity] ?? 0;
  }

  add(timestampSeconds: number, identity: number, entries: 1 | -1): void {
    let generation = this.#byTimestamp.get(timestampSeconds);
    if (generation === undefined) {
      generation = { total: 0, byIdentity: new Map() };
      this.#byTimestamp.set(timestampSeconds, generation);
    }
    generation.total += entries;
    generation.byIdentity.set(identity, (generation.byIdentity.get(identity) ?? 0) + entries);
    this.#count(identity, entries);
  }

  /** Counts out every generation up to and including `timestampSeconds`. Costs nothing within one second. */
  dropThrough(timestampSeconds: number): void {
    if (timestampSeconds <= this.#droppedThroughSeconds) return;
    this.#droppedThroughSeconds = timestampSeconds;
    for (const [timestamp, generation] of this.#byTimestamp) {
      if (timestamp > timestampSeconds) continue;
      for (const [identity, entries] of generation.byIdentity) this.#count(identity, -entries);
      this.#byTimestamp.delete(timestamp);
    }
  }

  clear(): void {
    this.#byTimestamp.clear();
    this.#held.length = 0;
    this.#total = 0;
  }

  #count(identity: number, entries: number): void {
    this.#total += entries;
    this.#held[identity] = this.heldBy(identity) + entries;
  }
}
