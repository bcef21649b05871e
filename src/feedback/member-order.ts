import { COMMA } from '../json/bytes.js';
import type { MemberNames } from '../json/member-names.js';

/** Chunks below this many bytes are copied in a loop: making a view of one costs more than that. */
const SMALL_CHUNK_BYTES = 48;

/**
 * The members of the objects that are open, to put their finished texts into the order of their names.
 *
 * A member's text is a chunk of the output, `"name":value`, with a comma between two. Nothing moves where the sender
 * has sorted already; else an object's chunks move once, when it ends, so a byte moves at most once a level.
 */
export class MemberOrder {
  readonly #names: MemberNames;
  /** Where the members of each open object begin in the lists below. */
  readonly #bases: number[] = [];
  readonly #isSorted: boolean[] = [];
  readonly #references: number[] = [];
  readonly #lengths: number[] = [];
  readonly #chunkStarts: number[] = [];
  #count = 0;
  #scratch: Uint8Array = new Uint8Array(0);

  constructor(names: MemberNames) {
    this.#names = names;
  }

  /** An object begins. */
  open(): void {
    this.#bases.push(this.#count);
    this.#isSorted.push(true);
  }

  /** The innermost object's next member, whose name is `names`' last, begins at an index of the output. */
  add(chunkStart: number): void {
    const names = this.#names;
    const index = this.#count;
    const reference = names.reference;
    const length = names.end - names.start;
    const previous = index - 1;
    if (previous >= (this.#bases[this.#bases.length - 1] ?? 0)) {
      const order = names.compare(
        this.#references[previous] ?? 0,
        this.#lengths[previous] ?? 0,
        reference,
        length,
      );
      if (order > 0) this.#isSorted[this.#isSorted.length - 1] = false;
    }
    this.#references[index] = reference;
    this.#lengths[index] = length;
    this.#chunkStarts[index] = chunkStart;
    this.#count = index + 1;
  }

  /** The innermost object ends with the output; its members are put in order there. */
  close(output: Uint8Array, outputEnd: number): void {
    const base = this.#bases.pop() ?? 0;
    const isSorted = this.#isSorted.pop() ?? true;
    if (!isSorted) this.#rearrange(base, output, outputEnd);
    this.#count = base;
  }

  #rearrange(base: number, output: Uint8Array, outputEnd: number): void {
    const starts = this.#chunkStarts;
    const first = starts[base] ?? 0;
    const unsorted = this.#scratchOf(outputEnd - first);
    copyChunk(unsorted, 0, output, first, outputEnd);
    // The last chunk ends as if a comma and one more chunk followed.
    starts[this.#count] = outputEnd + 1;
    let to = first;
    for (const index of this.#sortedIndexes(base)) {
      if (to > first) output[to++] = COMMA;
      const start = starts[index] ?? 0;
      to = copyChunk(output, to, unsorted, start - first, (starts[index + 1] ?? 0) - 1 - first);
    }
  }

  #scratchOf(bytes: number): Uint8Array {
    if (bytes > this.#scratch.length) this.#scratch = new Uint8Array(2 * bytes);
    return this.#scratch;
  }

  #sortedIndexes(base: number): number[] {
    const indexes = Array.from({ length: this.#count - base }, (_, offset) => base + offset);
    const names = this.#names;
    const references = this.#references;
    const lengths = this.#lengths;
    return indexes.sort((left, right) =>
      names.compare(references[left] ?? 0, lengths[left] ?? 0, references[right] ?? 0, lengths[right] ?? 0),
    );
  }
}

function copyChunk(target: Uint8Array, to: number, source: Uint8Array, start: number, end: number): number {
  if (end - start > SMALL_CHUNK_BYTES) target.set(source.subarray(start, end), to);
  else
    for (let offset = 0; offset < end - start; offset += 1) target[to + offset] = source[start + offset] ?? 0;
  return to + end - start;
}
