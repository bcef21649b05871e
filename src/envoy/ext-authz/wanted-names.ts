/**
 * Which of a request's header names matter, decided on the bytes: most names are nobody's business here, and
 * making a string of each would cost as much as all checks before the signature.
 */
export class WantedNames {
  /** By length, then compared byte for byte. */
  readonly #byLength = new Map<number, { readonly name: string; readonly bytes: Buffer }[]>();
  readonly #prefix: Buffer;

  /** Names in lower case; every name that begins with `prefix` is wanted too. */
  constructor(names: readonly string[], prefix: string) {
    this.#prefix = Buffer.from(prefix);
    for (const name of new Set(names)) {
      const ofLength = this.#byLength.get(name.length) ?? [];
      this.#byLength.set(name.length, [...ofLength, { name, bytes: Buffer.from(name) }]);
    }
  }

  /** The wanted name that stands in these bytes; undefined when it is none. */
  match(message: Buffer, start: number, end: number): string | undefined {
    for (const { name, bytes } of this.#byLength.get(end - start) ?? []) {
      if (standsAt(message, start, bytes)) return name;
    }
    if (end - start < this.#prefix.length || !standsAt(message, start, this.#prefix)) return undefined;
    return message.toString('latin1', start, end);
  }
}

/** Header names differ early more often than late, and in ours the tail tells more than `x-telemetry-`. */
function standsAt(message: Buffer, start: number, bytes: Buffer): boolean {
  for (let at = bytes.length - 1; at >= 0; at--) if (message[start + at] !== bytes[at]) return false;
  return true;
}
