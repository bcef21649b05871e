/** Request ids in four 32-bit words: a UUID packs into them, any other text is kept aside under a number. */

/** A UUID as it is printed: the first digit of each byte, the dashes left out. */
const BYTE_AT = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;
const DASH_AT = [8, 13, 18, 23] as const;
const UUID_LENGTH = 36;
const DASH = 0x2d;
/** The value of a lower-case hexadecimal digit by its code; 255 for anything else. */
const DIGIT = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return value < 0 ? 255 : value;
});

/** Turns ids to words and back. Whoever drops the words of an id that was not packed must `release` them. */
export class PackedRequestIds {
  readonly #scratch = Buffer.alloc(BYTE_AT.length);
  readonly #aside = new Map<number, string>();
  #next = 1;

  /** Writes `id` to four words at `at`; true when it was packed, false when it is kept aside. */
  write(id: string, words: Int32Array, at: number): boolean {
    if (!this.#parse(id)) {
      words[at] = this.#keepAside(id);
      return false;
    }
    for (let word = 0; word < 4; word += 1) words[at + word] = this.#scratch.readInt32LE(word * 4);
    return true;
  }

  read(packed: boolean, words: Int32Array, at: number): string {
    if (!packed) return this.#aside.get(words[at] ?? 0) ?? '';
    for (let word = 0; word < 4; word += 1) this.#scratch.writeInt32LE(words[at + word] ?? 0, word * 4);
    const hex = this.#scratch.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  release(packed: boolean, words: Int32Array, at: number): void {
    if (!packed) this.#aside.delete(words[at] ?? 0);
  }

  /** Fills the scratch bytes; false when the text is anything but a UUID in its usual form. */
  #parse(id: string): boolean {
    if (id.length !== UUID_LENGTH || DASH_AT.some((at) => id.charCodeAt(at) !== DASH)) return false;
    for (let byte = 0; byte < BYTE_AT.length; byte += 1) {
      const at = BYTE_AT[byte] ?? 0;
      const high = DIGIT[id.charCodeAt(at)] ?? 255;
      const low = DIGIT[id.charCodeAt(at + 1)] ?? 255;
      if (high > 15 || low > 15) return false;
      this.#scratch[byte] = high * 16 + low;
    }
    return true;
  }

  #keepAside(id: string): number {
    while (this.#aside.has(this.#next)) this.#next = (this.#next + 1) | 0;
    const number = this.#next;
    this.#aside.set(number, id);
    this.#next = (number + 1) | 0;
    return number;
  }
}
