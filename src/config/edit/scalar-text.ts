/** Values of a configuration as YAML text that reads back as exactly these strings (YAML 1.2, core schema). */

/** How what is added is written: as JSON does, or plain where that is the same string, else in single quotes. */
export interface TextStyle {
  readonly quotes: 'json' | 'yaml';
  /** `{ a: b }` or `{a: b}`. */
  readonly isSpaced: boolean;
}

/** A value of a member. */
export type MemberValue = string | number | readonly string[];

/** The members of a map, in their order. */
export type NewItem = readonly (readonly [name: string, value: MemberValue])[];

/** Begins with a letter, and so is no number; what else the core schema reads as something else is below. */
const PLAIN = /^[A-Za-z][A-Za-z0-9._/+=-]{0,1023}$/;
/** RFC 3339 as we write it: the core schema has no times. */
const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z$/;
/** Of YAML 1.1 too, which other readers of the file may follow. */
const WORDS: ReadonlySet<string> = new Set(['true', 'false', 'null', 'yes', 'no', 'on', 'off', 'y', 'n']);
/** Single quotes keep everything but these as it is. */
const ONE_LINE = /^[\x20-\x7e]*$/;

/** A string, quoted as its place wants it. */
export function scalarText(value: string, quotes: TextStyle['quotes'] | 'single'): string {
  if (quotes === 'json' || !ONE_LINE.test(value)) return JSON.stringify(value);
  const isPlain = MOMENT.test(value) || (PLAIN.test(value) && !WORDS.has(value.toLowerCase()));
  return quotes === 'yaml' && isPlain ? value : `'${value.replaceAll("'", "''")}'`;
}

/** `name: value`, a list in brackets. */
export function memberText(name: string, value: MemberValue, { quotes }: TextStyle): string {
  return `${scalarText(name, quotes)}: ${valueText(value, quotes)}`;
}

function valueText(value: MemberValue, quotes: TextStyle['quotes']): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return scalarText(value, quotes);
  return `[${value.map((one) => scalarText(one, quotes)).join(', ')}]`;
}

/** `{ a: b, c: d }`. */
export function flowMapText(item: NewItem, style: TextStyle): string {
  const inner = item.map(([name, value]) => memberText(name, value, style)).join(', ');
  return style.isSpaced ? `{ ${inner} }` : `{${inner}}`;
}
