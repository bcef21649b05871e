/** Request ids in four 32-bit words: a UUID packs into them, any other text is kept aside under a number. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_BYTES = 16;

/** Turns ids to words and back. Whoever drops the words of an id that was not packed must `release` them. */
export class RequestIdWords {
  readonly #scratch = Buffer.alloc(UUID_BYTES);
  readonly #aside = new Map<number, string>();
  #next = 1;

  /** Writes `id` to four words at `at`; true when it was packed, false when it is kept aside. */
  write(id: string, words: Int32Array, at: number): boolean {
    if (!UUID.test(id)) {
      words[at] = this.#keepAside(id);
      return false;
    }
    this.#scratch.write(id.replaceAll('-', ''), 'hex');
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

  #keepAside(id: string): number {
    while (this.#aside.has(this.#next)) this.#next = (this.#next + 1) | 0;
    const number = this.#next;
    this.#aside.set(number, id);
    this.#next = (number + 1) | 0;
    return number;
  }
}
