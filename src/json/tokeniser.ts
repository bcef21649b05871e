/** The strict reader of JSON, token by token, beneath every other one. */
import {
  CARRIAGE_RETURN,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  LINE_FEED,
  LOWER_F,
  LOWER_N,
  LOWER_T,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  TAB,
  byteAt,
  isDigit,
} from './bytes.js';
import { byteFault, Cursor, documentFault, type JsonFault, MAX_DEPTH, valueFault } from './faults.js';
import { MemberNames } from './member-names.js';
import { NUMBER_FAULT, NUMBER_INTEGER, readNumber } from './numbers.js';
import { STRING_HAS_ESCAPES, readString } from './strings.js';
import { Token } from './tokens.js';

/** What may come next. */
const Expect = { value: 0, valueOrEnd: 1, nameOrEnd: 2, name: 3, commaOrEnd: 4, nothing: 5 } as const;
type Expect = (typeof Expect)[keyof typeof Expect];

/**
 * Reads a JSON text (RFC 8259, strictly; the limits are those of `JsonFault`) token by token: no recursion, no
 * strings, no objects made of the text. Every call of `next` gives one token until `Token.end` or `Token.fault`.
 */
export class Tokeniser {
  /** First byte of the last token's content; strings and names without their quotes. */
  start = 0;
  /** Index after the last token's content. */
  end = 0;
  /** For strings and names: the flags `STRING_HAS_…`. */
  stringFlags = 0;
  /** Arrays and objects that are open. */
  depth = 0;
  /** The last `Token.name`, unescaped. */
  readonly names: MemberNames;

  readonly #cursor: Cursor;
  #expect: Expect = Expect.value;
  /** Whether the container at each level is an object; else it is an array. */
  readonly #isObject: boolean[] = [];

  constructor(bytes: Uint8Array) {
    this.#cursor = new Cursor(bytes);
    this.names = new MemberNames(bytes);
  }

  /** Reads another text from its beginning. */
  begin(bytes: Uint8Array): void {
    this.#cursor.begin(bytes);
    this.names.begin(bytes);
    this.depth = 0;
    this.#expect = Expect.value;
  }

  /** Why the text was refused, once `next` has given `Token.fault`. */
  get fault(): JsonFault | undefined {
    return this.#cursor.fault;
  }

  /** Byte offset of `fault`. */
  get faultOffset(): number {
    return this.#cursor.faultOffset;
  }

  /** The next token. After `Token.end` or `Token.fault` it must not be called again. */
  next(): Token {
    const byte = this.#skipWhitespace();
    switch (this.#expect) {
      case Expect.value:
        return this.#value(byte);
      case Expect.valueOrEnd:
        return byte === CLOSE_BRACKET ? this.#close(Token.endArray) : this.#value(byte);
      case Expect.nameOrEnd:
        return byte === CLOSE_BRACE ? this.#close(Token.endObject) : this.#name(byte);
      case Expect.name:
        return this.#name(byte);
      case Expect.commaOrEnd:
        return this.#commaOrEnd(byte);
      case Expect.nothing:
        return this.#finish();
    }
  }

  #value(byte: number): Token {
    switch (byte) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return this.#open(true);
      case OPEN_BRACKET:
        return this.#open(false);
      case LOWER_T:
        return this.#literal('true', Token.true);
      case LOWER_F:
        return this.#literal('false', Token.false);
      case LOWER_N:
        return this.#literal('null', Token.null);
      default:
        return byte === MINUS || isDigit(byte) ? this.#number() : this.#refuseValue();
    }
  }

  #string(): Token {
    if (!this.#readString()) return Token.fault;
    this.#expectAfterValue();
    return Token.string;
  }

  #number(): Token {
    const cursor = this.#cursor;
    this.start = cursor.at;
    const kind = readNumber(cursor);
    if (kind === NUMBER_FAULT) return Token.fault;
    this.end = cursor.at;
    this.#expectAfterValue();
    return kind === NUMBER_INTEGER ? Token.integer : Token.float;
  }

  #literal(text: string, token: Token): Token {
    const cursor = this.#cursor;
    this.start = cursor.at;
    for (let index = 1; index < text.length; index += 1) {
      const offset = this.start + index;
      if (byteAt(cursor.bytes, offset) === text.charCodeAt(index)) continue;
      return this.#fail(offset < cursor.bytes.length ? 'invalid_literal' : 'unexpected_end', offset);
    }
    cursor.at = this.start + text.length;
    this.end = cursor.at;
    this.#expectAfterValue();
    return token;
  }

  #open(isObject: boolean): Token {
    const cursor = this.#cursor;
    if (this.depth === MAX_DEPTH) return this.#fail('too_deep', cursor.at);
    this.start = cursor.at;
    cursor.at += 1;
    this.#isObject[this.depth] = isObject;
    this.depth += 1;
    this.#expect = isObject ? Expect.nameOrEnd : Expect.valueOrEnd;
    if (!isObject) return Token.beginArray;
    this.names.open();
    return Token.beginObject;
  }

  #close(token: typeof Token.endObject | typeof Token.endArray): Token {
    const cursor = this.#cursor;
    cursor.at += 1;
    this.end = cursor.at;
    this.depth -= 1;
    if (token === Token.endObject) this.names.close();
    this.#expectAfterValue();
    return token;
  }

  #name(byte: number): Token {
    const cursor = this.#cursor;
    if (byte !== QUOTE) return this.#refuseByte();
    const opening = cursor.at;
    if (!this.#readString()) return Token.fault;
    const hasEscapes = (this.stringFlags & STRING_HAS_ESCAPES) !== 0;
    if (!this.names.add(this.start, this.end, hasEscapes)) return this.#fail('duplicate_member', opening);
    const colon = this.#skipWhitespace();
    if (colon !== COLON) return this.#refuseByte();
    cursor.at += 1;
    this.#expect = Expect.value;
    return Token.name;
  }

  #commaOrEnd(byte: number): Token {
    const isObject = this.#isObject[this.depth - 1] === true;
    if (byte !== COMMA) {
      if (byte !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return this.#refuseByte();
      return this.#close(isObject ? Token.endObject : Token.endArray);
    }
    const comma = this.#cursor.at;
    this.#cursor.at += 1;
    const next = this.#skipWhitespace();
    if (next === CLOSE_BRACE || next === CLOSE_BRACKET) return this.#fail('trailing_comma', comma);
    return isObject ? this.#name(next) : this.#value(next);
  }

  #finish(): Token {
    const { at, bytes } = this.#cursor;
    return at < bytes.length ? this.#fail('trailing_bytes', at) : Token.end;
  }

  /** Reads the string that opens at the cursor; false when it is none, with the fault noted. */
  #readString(): boolean {
    const cursor = this.#cursor;
    cursor.at += 1;
    this.start = cursor.at;
    this.stringFlags = readString(cursor);
    this.end = cursor.at - 1;
    return this.stringFlags >= 0;
  }

  #expectAfterValue(): void {
    this.#expect = this.depth === 0 ? Expect.nothing : Expect.commaOrEnd;
  }

  /** Moves to the next byte that is no white space (RFC 8259, section 2: four bytes, no others) and gives it. */
  #skipWhitespace(): number {
    const cursor = this.#cursor;
    const { bytes } = cursor;
    let { at } = cursor;
    let byte = byteAt(bytes, at);
    if (byte > SPACE) return byte;
    while (byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB) {
      at += 1;
      byte = byteAt(bytes, at);
    }
    cursor.at = at;
    return byte;
  }

  #refuseValue(): Token {
    const { at, bytes } = this.#cursor;
    return this.#fail(this.depth === 0 ? documentFault(bytes, at) : valueFault(bytes, at), at);
  }

  #refuseByte(): Token {
    const { at, bytes } = this.#cursor;
    return this.#fail(byteFault(bytes, at), at);
  }

  #fail(fault: JsonFault, offset: number): typeof Token.fault {
    this.#cursor.fail(fault, offset);
    return Token.fault;
  }
}
