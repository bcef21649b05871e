/** The names of members in the objects that are open, to refuse one that comes twice. */
import { byteString, hashBytes, sameBytes } from './bytes.js';
import { unescapeInto } from './strings.js';

/**
 * Up to this many names an object is searched from end to end: cheaper than a `Set`, and a caller who makes all
 * hashes collide gains no more than this many comparisons a name.
 */
const SMALL_OBJECT_NAMES = 32;

/**
 * The member names of the objects that are open, to refuse a name that comes twice, compared after unescaping.
 *
 * A name without escapes is a range of the document; one with escapes is unescaped into a buffer of its own.
 * After `add`, the last name is there as `source`, `start`, `end` and `hash`.
 */
export class MemberNames {
  /** The bytes that hold the last name, unescaped (UTF-8, lone surrogates as in `writeCodePoint`). */
  source: Uint8Array;
  start = 0;
  end = 0;
  /** `hashBytes` of the last name. */
  hash = 0;

  #document: Uint8Array;
  #unescaped: Uint8Array = new Uint8Array(0);
  #unescapedLength = 0;
  /** Objects that are open. */
  #open = 0;
  /** Where the names of each open object begin in the three lists below. */
  readonly #bases: number[] = [];
  /** The names of each open object that has outgrown the lists. */
  readonly #large: (Set<string> | undefined)[] = [];
  /** An index into the document, or, when negative, the complement of one into the unescaped names. */
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  readonly #hashes: number[] = [];
  #count = 0;

  constructor(document: Uint8Array) {
    this.#document = document;
    this.source = document;
  }

  /** Forgets everything for another document; only the lists keep their room, which the limits of a text bound. */
  begin(document: Uint8Array): void {
    this.#document = document;
    this.source = document;
    // What a refused document has left open.
    this.#large.fill(undefined, 0, this.#open);
    if (this.#unescapedLength > 0) this.#unescaped = new Uint8Array(0);
    this.#unescapedLength = 0;
    this.#open = 0;
    this.#count = 0;
  }

  /** The last name for `compare`, together with its length: good while the text is read, in any object. */
  get reference(): number {
    return this.source === this.#document ? this.start : ~this.start;
  }

  /** Orders two names by their code points: below 0 when the left one comes first, 0 when they are equal. */
  compare(left: number, leftLength: number, right: number, rightLength: number): number {
    const leftSource = left < 0 ? this.#unescaped : this.#document;
    const rightSource = right < 0 ? this.#unescaped : this.#document;
    const leftStart = left < 0 ? ~left : left;
    const rightStart = right < 0 ? ~right : right;
    const shorter = Math.min(leftLength, rightLength);
    for (let index = 0; index < shorter; index += 1) {
      const difference = (leftSource[leftStart + index] ?? 0) - (rightSource[rightStart + index] ?? 0);
      if (difference !== 0) return difference;
    }
    return leftLength - rightLength;
  }

  /** An object begins. */
  open(): void {
    this.#bases[this.#open] = this.#count;
    this.#large[this.#open] = undefined;
    this.#open += 1;
  }

  /** The innermost object ends. */
  close(): void {
    this.#open -= 1;
    this.#count = this.#bases[this.#open] ?? 0;
    this.#large[this.#open] = undefined;
  }

  /**
   * Takes the next name of the innermost object: the content of a valid string, a range of the document.
   * Returns false when the object has that name already.
   */
  add(start: number, end: number, hasEscapes: boolean): boolean {
    if (hasEscapes) this.#unescape(start, end);
    else {
      this.source = this.#document;
      this.start = start;
      this.end = end;
    }
    this.hash = hashBytes(this.source, this.start, this.end);
    const large = this.#large[this.#open - 1];
    return large === undefined ? this.#addToList() : addToSet(large, this.source, this.start, this.end);
  }

  #addToList(): boolean {
    const base = this.#bases[this.#open - 1] ?? 0;
    const length = this.end - this.start;
    const { hash } = this;
    const hashes = this.#hashes;
    for (let index = base, count = this.#count; index < count; index += 1) {
      if (hashes[index] === hash && this.#lengths[index] === length && this.#isLast(index)) return false;
    }
    this.#starts[this.#count] = this.reference;
    this.#lengths[this.#count] = length;
    this.#hashes[this.#count] = this.hash;
    this.#count += 1;
    if (this.#count - base > SMALL_OBJECT_NAMES) this.#moveToSet(base);
    return true;
  }

  /** Whether the listed name, of the same length, is the last one again. */
  #isLast(index: number): boolean {
    const start = this.#starts[index] ?? 0;
    const length = this.end - this.start;
    return start < 0
      ? sameBytes(this.#unescaped, ~start, this.source, this.start, length)
      : sameBytes(this.#document, start, this.source, this.start, length);
  }

  #moveToSet(base: number): void {
    const names = new Set<string>();
    for (let index = base; index < this.#count; index += 1) {
      const start = this.#starts[index] ?? 0;
      const length = this.#lengths[index] ?? 0;
      if (start < 0) addToSet(names, this.#unescaped, ~start, ~start + length);
      else addToSet(names, this.#document, start, start + length);
    }
    this.#large[this.#open - 1] = names;
    this.#count = base;
  }

  #unescape(start: number, end: number): void {
    const needed = this.#unescapedLength + end - start;
    if (needed > this.#unescaped.length) {
      const grown = new Uint8Array(2 * needed);
      grown.set(this.#unescaped.subarray(0, this.#unescapedLength));
      this.#unescaped = grown;
    }
    this.source = this.#unescaped;
    this.start = this.#unescapedLength;
    this.end = unescapeInto(this.#document, start, end, this.#unescaped, this.start);
    this.#unescapedLength = this.end;
  }
}

/**
 * Adds a name to a set, and returns false when it was there. The quote in front keeps V8 from taking digits for an
 * array index: it hashes those by their value, without its secret seed, so that anyone can make them collide.
 */
function addToSet(names: Set<string>, source: Uint8Array, start: number, end: number): boolean {
  const sizeBefore = names.size;
  names.add(`"${byteString(source, start, end)}`);
  return names.size > sizeBefore;
}
