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
import { STRING_GROWTH, writeStringContent } from './canonical-string.js';
import { MemberOrder } from './member-order.js';
import { writeFloat } from './python-float.js';

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
