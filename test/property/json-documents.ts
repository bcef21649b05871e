/** Reproducible chance for the differential tests (mulberry32): the seed stands in the test's title. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to, and without, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** An integer from 0 up to, and without, `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** All 32 bits. */
  word(): number {
    return this.below(0x1_0000_0000);
  }
}

/** The seed of a run: `JSON_SEED` repeats one that failed. */
export const seed = Number(process.env['JSON_SEED'] ?? Date.now() % 1_000_000_000);

const FLOATS = [
  '1.0', '-0.0', '0.0', '1e0', '1E+0', '0e999', '-0e-5', '1e16', '1e15', '9999999999999998.0', '1e-4', '1e-5', '1e-7',
  '123456789012345680.0', '5e-324', '2.5e-324', '1e-400', '1.7976931348623157e308', '1.7976931348623158e308', '1e22',
  '1e23', '0.1', '100000.0', '1e5', '1E05', '4.35', '0.000001', '9007199254740993.0', '2.2250738585072014e-308',
] as const; // prettier-ignore
const WHITESPACE = ['', '', '', '', ' ', '\n', '\t', '\r', ' \r\n\t '] as const;
const PIECES = [
  'a', 'Z', '0', ' ', '/', '\\/', '\\"', '\\\\', '\\b', '\\f', '\\n', '\\r', '\\t', '\u007f', '\\u007f', '\\u0000', '\\u001F',
  'é', '\\u00e9', '\\u00E9', '漢', '\u2028', '\ufeff', '\uffff', '\\uffff', '\ue000', '😀', '\\ud83d\\ude00', '\\uD83D\\uDE00',
  '\u{10000}', '\u{10ffff}', '\\ud800', '\\udfff', '\\udc00\\ud800', '\\ud83d', '\\ude00', '\\ud800\\u0041', '~', '\u0080',
] as const; // prettier-ignore

/** Valid JSON texts of every kind: written as text, so that spellings vary as much as values. */
export class DocumentSource {
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  document(): string {
    return `${this.#space()}${this.#value(this.#chance.below(5))}${this.#space()}`;
  }

  #value(levels: number): string {
    const kind = this.#chance.below(levels > 0 ? 12 : 6);
    if (kind < 2) return this.#number();
    if (kind < 5) return this.#string();
    if (kind < 6) return this.#chance.pick(['true', 'false', 'null']);
    return kind < 8 ? this.#array(levels - 1) : this.#object(levels - 1);
  }

  #array(levels: number): string {
    const length = this.#chance.below(5);
    const values = Array.from({ length }, () => `${this.#space()}${this.#value(levels)}${this.#space()}`);
    return length === 0 ? `[${this.#space()}]` : `[${values.join(',')}]`;
  }

  #object(levels: number): string {
    const names = new Map<unknown, string>();
    const wanted = this.#chance.below(50) === 0 ? 40 : this.#chance.below(6);
    for (let index = 0; index < wanted; index += 1) {
      const name = this.#string();
      const value: unknown = JSON.parse(name);
      if (!names.has(value)) names.set(value, name);
    }
    const members = Array.from(names.values(), (name) => {
      return `${this.#space()}${name}${this.#space()}:${this.#space()}${this.#value(levels)}${this.#space()}`;
    });
    return members.length === 0 ? `{${this.#space()}}` : `{${members.join(',')}}`;
  }

  #string(): string {
    const length = this.#chance.below(6);
    return `"${Array.from({ length }, () => this.#piece()).join('')}"`;
  }

  #piece(): string {
    const kind = this.#chance.below(4);
    if (kind === 0) return `\\u${this.#chance.below(0x10000).toString(16).padStart(4, '0')}`;
    if (kind === 1) {
      const codePoint = this.#chance.below(0x110000);
      const isSurrogate = codePoint >= 0xd800 && codePoint < 0xe000;
      return isSurrogate || codePoint < 0x80 ? 'x' : String.fromCodePoint(codePoint);
    }
    return this.#chance.pick(PIECES);
  }

  #number(): string {
    const kind = this.#chance.below(6);
    if (kind === 0) return this.#chance.pick(FLOATS);
    if (kind === 1) return this.#decimal();
    if (kind === 2) return `${this.#sign()}${this.#digits(this.#chance.pick([1, 15, 16, 17, 20, 40, 400]))}`;
    if (kind === 3) return `${this.#sign()}${this.#chance.below(100)}`;
    const double = this.#double();
    return Number.isInteger(double) ? double.toFixed(0) : `${double}`;
  }

  /** A lexeme of any shape that does not overflow. */
  #decimal(): string {
    const chance = this.#chance;
    const fraction =
      chance.below(3) === 0 ? '' : `.${'0'.repeat(chance.below(8))}${this.#digits(1 + chance.below(20))}`;
    const exponent =
      fraction === '' || chance.below(2) === 0
        ? `${chance.pick(['e', 'E'])}${chance.pick(['', '+', '-'])}${chance.below(280)}`
        : '';
    return `${this.#sign()}${this.#digits(1 + chance.below(20))}${fraction}${exponent}`;
  }

  #digits(length: number): string {
    const first = length === 1 ? this.#chance.below(10) : 1 + this.#chance.below(9);
    return `${first}${Array.from({ length: length - 1 }, () => this.#chance.below(10)).join('')}`;
  }

  #double(): number {
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, this.#chance.word());
    view.setUint32(4, this.#chance.word());
    const double = view.getFloat64(0);
    return Number.isFinite(double) ? double : 0.5;
  }

  #sign(): string {
    return this.#chance.below(2) === 0 ? '-' : '';
  }

  #space(): string {
    return this.#chance.pick(WHITESPACE);
  }
}
