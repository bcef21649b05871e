/** Collecting what is wrong with a configuration: everything at once, each fault with its place and remedy. */
import type { ConfigurationProblem, ConfigurationWarning } from './settings.js';

/** Where in the file: member names and list positions, from the top. */
export type ConfigurationPath = readonly (string | number)[];

/** A path as people write it: `identities[0].keys[1].kid`; odd member names are quoted. */
export function formatPath(path: ConfigurationPath): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(segment)) return `${text}[${quote(segment)}]`;
    return text === '' ? segment : `${text}.${segment}`;
  }, '');
}

/** A word of the file as it may be shown: quoted, control characters escaped, cut at 80 characters. */
export function quote(word: string): string {
  const shown = word.length > 80 ? `${word.slice(0, 80)}…` : word;
  return JSON.stringify(shown).replace(/[\u007f-\u009f\u2028\u2029]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The problems and warnings of one file, in the order in which they were found. */
export class Findings {
  readonly problems: ConfigurationProblem[] = [];
  readonly warnings: ConfigurationWarning[] = [];
  readonly #file: string;
  readonly #lineOf: (path: ConfigurationPath) => number | undefined;

  /** `lineOf` gives the 1-based line of a path, or of the nearest thing above it that the file holds. */
  constructor(file: string, lineOf: (path: ConfigurationPath) => number | undefined) {
    this.#file = file;
    this.#lineOf = lineOf;
  }

  /** A fault: the configuration will not be used. */
  problem(path: ConfigurationPath, message: string, remedy: string): void {
    const line = this.#lineOf(path);
    this.problems.push({
      file: this.#file,
      path: formatPath(path),
      ...(line === undefined ? {} : { line }),
      message,
      remedy,
    });
  }

  /** Something allowed that deserves a look. */
  warn(path: ConfigurationPath, message: string): void {
    this.warnings.push({ path: formatPath(path), message });
  }
}
