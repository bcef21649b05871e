/**
 * Envoy's HeaderMap, read in place: the one walk for requests and answers. Only the headers that somebody reads become
 * strings; making one of each would cost as much as all checks before the signature.
 */
import { standsAt, type WireReader } from './reader.js';

/** Which header names are read, decided on their bytes. */
export class HeaderSelection {
  /** By length, then compared byte for byte. */
  readonly #byLength: { readonly name: string; readonly bytes: Buffer }[][];
  readonly #prefix: Buffer;

  /** Names in lower case; every name that begins with `prefix` is selected too. */
  constructor(names: readonly string[], prefix: string) {
    this.#prefix = Buffer.from(prefix);
    const longest = Math.max(0, ...names.map((name) => name.length));
    const selected = Array.from(new Set(names), (name) => ({ name, bytes: Buffer.from(name) }));
    this.#byLength = Array.from({ length: longest + 1 }, (_, length) =>
      selected.filter(({ name }) => name.length === length),
    );
  }

  /** The selected name that stands in these bytes; undefined when it is none. */
  match(message: Buffer, start: number, end: number): string | undefined {
    for (const { name, bytes } of this.#byLength[end - start] ?? []) {
      if (standsAt(message, start, bytes)) return name;
    }
    if (end - start < this.#prefix.length || !standsAt(message, start, this.#prefix)) return undefined;
    return message.toString('latin1', start, end);
  }
}

/** Values one character a byte (Latin-1), in the order in which they came, under lower-case names. */
export type HeaderValues = Map<string, string[]>;

/**
 * Adds the selected headers of a `envoy.config.core.v3.HeaderMap` (headers=1), the content of the reader's present
 * field. HeaderValue: key=1, raw_value=3; value=2 stays unused under `encode_raw_headers`, and an empty value comes
 * without `raw_value`. Of a scalar that stands twice the last counts, as in protobuf itself.
 */
export function readHeaderMap(field: WireReader, selection: HeaderSelection, headers: HeaderValues): void {
  const { bytes } = field;
  const map = field.inside();
  const entry = field.inside();
  while (map.next()) {
    if (map.field !== 1) continue;
    let name: string | undefined;
    let valueStart = 0;
    let valueEnd = 0;
    entry.enter(map.start, map.end);
    while (entry.next()) {
      if (entry.field === 1) name = selection.match(bytes, entry.start, entry.end);
      else if (entry.field === 3) {
        valueStart = entry.start;
        valueEnd = entry.end;
      }
    }
    if (name !== undefined) add(headers, name, bytes.toString('latin1', valueStart, valueEnd));
  }
}

function add(headers: HeaderValues, name: string, value: string): void {
  const values = headers.get(name);
  if (values === undefined) headers.set(name, [value]);
  else values.push(value);
}
