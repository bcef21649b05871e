/**
 * One message of Envoy's configuration, as JSON or YAML has it, read by field names and without trust: whatever is not of the
 * type that was asked for is absent. It knows its own path, so that a finding can name the place.
 */

/** Envoy takes both spellings of a field (Protocol Buffers, JSON mapping); dumps have the first. */
function camelCase(field: string): string {
  return field.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const TYPED_STRUCT = /(?:^|\/)(?:xds\.type\.v3|udpa\.type\.v1)\.TypedStruct$/;
const NUMBER = /^-?[0-9]{1,19}$/;
const DURATION = /^([0-9]{1,12}(?:\.[0-9]{1,9})?)s$/;
/** Names in a path are other people's text: cut, so that a finding stays a line. */
const MAX_NAME_CHARACTERS = 120;

/** A message, or the absence of one: absent messages have only absent fields. Nothing in it has been validated. */
export class Message {
  readonly #value: unknown;
  /** Dotted, `http_filters[2].typed_config`; a list's item by its name where it has one: `clusters[verifier]`. */
  readonly path: string;

  constructor(value: unknown, path: string) {
    this.#value = value;
    this.path = path;
  }

  /** Whether there is a message at all, an empty one included. */
  get isThere(): boolean {
    return isRecord(this.#value);
  }

  #field(name: string): unknown {
    if (!isRecord(this.#value)) return undefined;
    const spelling = Object.hasOwn(this.#value, name) ? name : camelCase(name);
    return Object.hasOwn(this.#value, spelling) ? this.#value[spelling] : undefined;
  }

  /** Whether the field was written, whatever its type. */
  has(name: string): boolean {
    const value = this.#field(name);
    return value !== undefined && value !== null;
  }

  /** The message in a field; several names go down step by step. */
  at(...names: readonly string[]): Message {
    return names.reduce<Message>((message, name) => message.#step(name), this);
  }

  #step(name: string): Message {
    return new Message(this.#field(name), this.path === '' ? name : `${this.path}.${name}`);
  }

  /** The messages of a repeated field, named in the path by their `name` where they have one. */
  list(name: string): Message[] {
    const value = this.#field(name);
    if (!Array.isArray(value)) return [];
    const { path } = this.#step(name);
    return value.map((item: unknown, index) => new Message(item, `${path}[${nameOf(item) ?? index}]`));
  }

  /** The entries of a map field: keys are data and keep their spelling. */
  entries(name: string): (readonly [key: string, value: Message])[] {
    const value = this.#field(name);
    if (!isRecord(value)) return [];
    const { path } = this.#step(name);
    return Object.entries(value).map(([key, item]) => [key, new Message(item, `${path}[${cut(key)}]`)]);
  }

  /** Every field that holds a message or a list, as messages: for walks over what has no schema here. */
  children(): Message[] {
    if (Array.isArray(this.#value))
      return this.#value.map((item: unknown, index) => new Message(item, `${this.path}[${index}]`));
    if (!isRecord(this.#value)) return [];
    return Object.entries(this.#value).map(([key, item]) => new Message(item, `${this.path}.${cut(key)}`));
  }

  /** The names of the fields that were written, in snake case as they stand. */
  fieldNames(): string[] {
    return isRecord(this.#value) ? Object.keys(this.#value) : [];
  }

  /** A string or the name of an enum value; undefined where it is absent. */
  text(name: string): string | undefined {
    const value = this.#field(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** The strings of a repeated field. */
  texts(name: string): string[] {
    const value = this.#field(name);
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
  }

  /** A bool, or a BoolValue, also one that YAML has as text; undefined where it is absent. */
  flag(name: string): boolean | undefined {
    const value = this.#field(name);
    if (value === 'true' || value === 'false') return value === 'true';
    return typeof value === 'boolean' ? value : undefined;
  }

  /** A number, or one that JSON writes as text (64 bits). */
  number(name: string): number | undefined {
    const value = this.#field(name);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return typeof value === 'string' && NUMBER.test(value) ? Number(value) : undefined;
  }

  /** A Duration (`1.5s`), in milliseconds. */
  milliseconds(name: string): number | undefined {
    const match = DURATION.exec(this.text(name) ?? '');
    return match === null ? undefined : Math.round(Number(match[1]) * 1000);
  }

  /** An enum value by name; YAML may have its number, for which `names` lists the values from 0 on. */
  enumeration(name: string, names: readonly string[]): string {
    const value = this.#field(name);
    if (typeof value === 'number') return names[value] ?? String(value);
    return typeof value === 'string' ? value : (names[0] ?? '');
  }

  /**
   * The type of a `typed_config`, without its host: `envoy.extensions.filters.http.lua.v3.Lua`. What a TypedStruct
   * stands for counts as itself.
   */
  get type(): string {
    const url = this.text('@type') ?? '';
    return lastPart(TYPED_STRUCT.test(url) ? (this.text('type_url') ?? '') : url);
  }

  /** The message of a `typed_config`, through a TypedStruct where it is in one. */
  get typed(): Message {
    return TYPED_STRUCT.test(this.text('@type') ?? '') ? this.at('value') : this;
  }

  /** The value itself, not validated; undefined where it is absent. */
  get value(): unknown {
    return this.#value;
  }

  /** As JSON on one line, to look for something in what has no schema here; empty where it is absent. */
  get json(): string {
    return this.#value === undefined ? '' : JSON.stringify(this.#value);
  }
}

/** No message. */
export const ABSENT = new Message(undefined, '');

function lastPart(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

function nameOf(item: unknown): string | undefined {
  if (!isRecord(item) || !Object.hasOwn(item, 'name')) return undefined;
  const name = item['name'];
  return typeof name === 'string' && name !== '' ? cut(name) : undefined;
}

function cut(name: string): string {
  return name.length > MAX_NAME_CHARACTERS ? `${name.slice(0, MAX_NAME_CHARACTERS)}…` : name;
}
