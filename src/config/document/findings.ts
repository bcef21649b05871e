/** Collecting what is wrong with a configuration: everything at once, each fault with its place and remedy. */
import type { ConfigurationProblem, ConfigurationWarning } from '../settings.js';

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

/** More of one section tell nobody anything new, and a file of megabytes could have a hundred thousand. */
export const shownOfEachSection = 100;

/** Findings in the order in which they came: the first ones of every section, and how many more there are. */
export class BoundedFindings<T> {
  readonly shown: T[] = [];
  readonly #counts = new Map<string, number>();

  /** Counts a finding. It is made only when it is going to be shown, so that a flood of them costs nothing. */
  add(path: ConfigurationPath, make: () => T): void {
    const section = String(path[0] ?? '');
    const count = (this.#counts.get(section) ?? 0) + 1;
    this.#counts.set(section, count);
    if (count <= shownOfEachSection) this.shown.push(make());
  }

  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The shown ones, and for every section that has more one that says how many, made by `more`. */
  all(more: (section: string, left: number) => T): T[] {
    const rest = [...this.#counts]
      .filter(([, count]) => count > shownOfEachSection)
      .map(([section, count]) => more(section, count - shownOfEachSection));
    return [...this.shown, ...rest];
  }
}

/** The problems and warnings of one file, in the order in which they were found; see {@link BoundedFindings}. */
export class Findings {
  readonly #problems = new BoundedFindings<ConfigurationProblem>();
  readonly #warnings = new BoundedFindings<ConfigurationWarning>();
  readonly #file: string;
  readonly #lineOf: (path: ConfigurationPath) => number | undefined;

  /** `lineOf` gives the 1-based line of a path, or of the nearest thing above it that the file holds. */
  constructor(file: string, lineOf: (path: ConfigurationPath) => number | undefined) {
    this.#file = file;
    this.#lineOf = lineOf;
  }

  /** How many problems there are, shown or not. */
  get problemCount(): number {
    return this.#problems.count;
  }

  get problems(): readonly ConfigurationProblem[] {
    return this.#problems.all((path, left) => ({ file: this.#file, path, ...moreProblems(left) }));
  }

  get warnings(): readonly ConfigurationWarning[] {
    return this.#warnings.all((path, left) => ({ path, message: `${left} more warnings about this` }));
  }

  /** A fault: the configuration will not be used. `remedy` may be worked out when it is wanted, where that is slow. */
  problem(path: ConfigurationPath, message: string, remedy: string | (() => string)): void {
    this.#problems.add(path, () => {
      const line = this.#lineOf(path);
      return {
        file: this.#file,
        path: formatPath(path),
        ...(line === undefined ? {} : { line }),
        message,
        remedy: typeof remedy === 'string' ? remedy : remedy(),
      };
    });
  }

  /** Something allowed that deserves a look. */
  warn(path: ConfigurationPath, message: string): void {
    this.#warnings.add(path, () => ({ path: formatPath(path), message }));
  }
}

/** What stands for the problems of a section that are not shown. */
export function moreProblems(left: number): { readonly message: string; readonly remedy: string } {
  return { message: `has ${left} more problems`, remedy: 'mend the ones above first' };
}
