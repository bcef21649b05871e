/** Writing canonical JSON in one pass: as its tokens are read, each object's members put into the order of their names when it ends. */
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  ZERO,
} from '../json/bytes.js';
import type { Tokeniser } from '../json/tokeniser.js';
import { Token } from '../json/tokens.js';
import { STRING_GROWTH, writeFloat, writeStringContent } from './canonical-scalars.js';
import type { MemberNames } from '../json/member-names.js';

/** The longest `repr` of a double, `-2.2250738585072014e-308`, is 24 bytes. */
const MAX_FLOAT_BYTES = 25;

/** Writes the canonical text of the values that a tokeniser reads, one value after another. */
export class CanonicalWriter {
  readonly #text: Uint8Array;
  readonly #tokeniser: Tokeniser;
  readonly #members: MemberOrder;
  #output: Uint8Array;
  #length = 0;
  /** Whether a member or an element stands before the next one. */
  #needsComma = false;

  /** `text` is what the tokeniser reads. */
  constructor(text: Uint8Array, tokeniser: Tokeniser) {
    this.#text = text;
    this.#tokeniser = tokeniser;
    this.#members = new MemberOrder(tokeniser.names);
    this.#output = new Uint8Array(text.length + MAX_FLOAT_BYTES);
  }

  /**
   * Writes the value that begins with `first`, the tokeniser's last token, and reads the tokens up to its end.
   * Returns false on a fault in it, which the tokeniser has noted.
   */
  writeValue(first: Token): boolean {
    const outerDepth =
      this.#tokeniser.depth - (first === Token.beginObject || first === Token.beginArray ? 1 : 0);
    let token = first;
    while (token !== Token.fault) {
      this.write(token);
      if (this.#tokeniser.depth === outerDepth && token !== Token.name) return true;
      token = this.#tokeniser.next();
    }
    return false;
  }

  /** The text written so far. */
  finish(): Uint8Array {
    return this.#output.subarray(0, this.#length);
  }

  /** Writes the tokeniser's last token; for a caller that looks at every token of a value itself. */
  write(token: Token): void {
    if (token === Token.name) this.#writeName();
    else if (token === Token.string) this.#writeString();
    else if (token === Token.integer) this.#writeInteger();
    else if (token === Token.float) this.#writeFloat();
    else if (token === Token.beginObject) this.#openObject();
    else if (token === Token.endObject) this.#closeObject();
    else if (token === Token.beginArray) this.#open(OPEN_BRACKET);
    else if (token === Token.endArray) this.#close(CLOSE_BRACKET);
    else this.#copy(this.#tokeniser.start, this.#tokeniser.end);
  }

  #writeName(): void {
    this.#reserve(1);
    this.#separate();
    this.#members.add(this.#length);
    this.#needsComma = false;
    this.#writeString();
    this.#output[this.#length++] = COLON;
    this.#needsComma = false;
  }

  #writeString(): void {
    const { start, end } = this.#tokeniser;
    // One byte each for a comma, two quotes and, after a name, the colon.
    const output = this.#reserve(STRING_GROWTH * (end - start) + 4);
    this.#separate();
    output[this.#length] = QUOTE;
    const to = writeStringContent(output, this.#length + 1, this.#text, start, end);
    output[to] = QUOTE;
    this.#length = to + 1;
  }

  #writeInteger(): void {
    const { start, end } = this.#tokeniser;
    const isMinusZero = end - start === 2 && this.#text[start] === MINUS && this.#text[start + 1] === ZERO;
    this.#copy(isMinusZero ? start + 1 : start, end);
  }

  #writeFloat(): void {
    const { start, end } = this.#tokeniser;
    const output = this.#reserve(Math.max(end - start, MAX_FLOAT_BYTES) + 1);
    this.#separate();
    this.#length = writeFloat(output, this.#length, this.#text, start, end);
  }

  #copy(start: number, end: number): void {
    const output = this.#reserve(end - start + 1);
    this.#separate();
    for (let at = start; at < end; at += 1) output[this.#length++] = this.#text[at] ?? 0;
  }

  #openObject(): void {
    this.#members.open();
    this.#open(OPEN_BRACE);
  }

  #closeObject(): void {
    this.#members.close(this.#output, this.#length);
    this.#close(CLOSE_BRACE);
  }

  #open(bracket: number): void {
    const output = this.#reserve(2);
    this.#separate();
    output[this.#length++] = bracket;
    this.#needsComma = false;
  }

  #close(bracket: number): void {
    this.#reserve(1)[this.#length++] = bracket;
    this.#needsComma = true;
  }

  /** Writes the comma before a member or an element, where one is due; the next one will need it. */
  #separate(): void {
    if (this.#needsComma) this.#output[this.#length++] = COMMA;
    this.#needsComma = true;
  }

  /** The output, with room for so many bytes more. */
  #reserve(bytes: number): Uint8Array {
    const needed = this.#length + bytes;
    if (needed > this.#output.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#output.length));
      grown.set(this.#output.subarray(0, this.#length));
      this.#output = grown;
    }
    return this.#output;
  }
}

/** Chunks below this many bytes are copied in a loop: making a view of one costs more than that. */
const SMALL_CHUNK_BYTES = 48;

/**
 * The members of the objects that are open, to put their finished texts into the order of their names.
 *
 * A member's text is a chunk of the output, `"name":value`, with a comma between two. Nothing moves where the sender
 * has sorted already; else an object's chunks move once, when it ends, so a byte moves at most once a level.
 */
class MemberOrder {
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
