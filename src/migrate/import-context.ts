/** What one import of an environment has read, and what it has to say about it. */
import { parseDocument } from 'yaml';
import { quote } from '../config/document/findings.js';
import type { EnvironmentDoubt } from './env-doubts.js';
import type { EnvironmentVariable } from './env-file.js';
import type { CarriedName } from './import-names.js';
import type { ConfigurationProblem } from '../config/settings.js';

/** Something that the result does not say, or says otherwise than the environment did. */
export interface ImportNote {
  /** The variable; empty for what concerns the whole. */
  readonly variable: string;
  /** 1-based, when there is one. */
  readonly line?: number;
  readonly message: string;
}

/** The variables by name, with the notes and problems that reading them gave. Values never enter a message. */
export class ImportContext {
  readonly notes: ImportNote[] = [];
  readonly problems: ConfigurationProblem[] = [];
  readonly #file: string;
  readonly #doubted = new Set<string>();
  readonly #variables: ReadonlyMap<string, EnvironmentVariable>;

  constructor(file: string, variables: ReadonlyMap<string, EnvironmentVariable>) {
    this.#file = file;
    this.#variables = variables;
  }

  /** The value; undefined when the variable is absent or blank. */
  value(name: CarriedName): string | undefined {
    const value = this.#variables.get(name)?.value;
    return value === '' ? undefined : value;
  }

  /** Whether the variable is there at all. */
  has(name: CarriedName): boolean {
    return this.#variables.has(name);
  }

  note(variable: string, message: string): void {
    const line = this.#variables.get(variable)?.line;
    this.notes.push({ variable, ...(line === undefined ? {} : { line }), message });
  }

  /** A problem of one line. What else is wrong with the variable is most likely the same, so it is not told. */
  doubt(variable: string, line: number, { message, remedy }: EnvironmentDoubt): void {
    this.problems.push({ file: this.#file, path: variable, line, message, remedy });
    if (variable !== '') this.#doubted.add(variable);
  }

  problem(variable: string, message: string, remedy: string): void {
    if (this.#doubted.has(variable)) return;
    const line = this.#variables.get(variable)?.line;
    const place = { file: this.#file, path: variable, ...(line === undefined ? {} : { line }) };
    this.problems.push({ ...place, message, remedy });
  }

  /** A whole number between bounds; the fallback, when absent or unusable (which is a problem). */
  integer(name: CarriedName, bounds: { min: number; max: number; fallback: number }): number {
    const text = this.value(name);
    if (text === undefined) return bounds.fallback;
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= bounds.min && value <= bounds.max) return value;
    this.problem(
      name,
      'is out of range or no whole number',
      `set it to a whole number from ${bounds.min} to ${bounds.max}`,
    );
    return bounds.fallback;
  }

  /**
   * Whether a switch is on. The gateway takes `1|true|yes|on`, in any case, for on and everything else for off; only
   * what is known to mean off is believed to, and blank, which is off there. Anything else is a problem.
   */
  isOn(name: CarriedName, fallback: boolean): boolean {
    if (!this.has(name) || this.#doubted.has(name)) return fallback;
    const value = this.value(name) ?? '';
    if (/^(?:1|true|yes|on)$/i.test(value)) return true;
    if (/^(?:0|false|no|off)?$/i.test(value)) return false;
    this.problem(name, 'is neither a known yes nor a known no', 'set it to 1 or 0');
    return fallback;
  }

  /** A JSON object of texts; undefined with a problem when it is not, or names a member twice. */
  textMap(name: CarriedName, what: string): ReadonlyMap<string, string> | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const entries = parseTextMap(text);
    if (typeof entries !== 'string') return entries;
    this.problem(name, entries, `write it as one line of JSON, ${what}`);
    return undefined;
  }
}

function parseTextMap(text: string): ReadonlyMap<string, string> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not a JSON object';
  // JSON.parse keeps the last of two equal members without a word; JSON is YAML, whose parser counts them.
  if (
    parseDocument(text, { prettyErrors: false, schema: 'json' }).errors.some(
      (error) => error.code === 'DUPLICATE_KEY',
    )
  )
    return 'names a member twice';
  const entries = new Map<string, string>();
  for (const [key, member] of Object.entries(value)) {
    if (typeof member !== 'string') return `has something else than text under ${quote(key)}`;
    entries.set(key, member);
  }
  return entries;
}
