/** What is wrong with a configuration: collected all at once, each fault with its place and remedy, and told as text. */
import { escapeControls, quoteText } from '../../json/escape-text.js';
import type { ConfigurationProblem, ConfigurationWarning } from '../settings.js';

/** Where in the file: member names and list positions, from the top. */
export type ConfigurationPath = readonly (string | number)[];

/** A path as people write it: `identities[0].keys[1].kid`; odd member names are quoted. */
export function formatPath(path: ConfigurationPath): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(segment)) return `${text}[${quoteText(segment)}]`;
    return text === '' ? segment : `${text}.${segment}`;
  }, '');
}

/**
 * Problems for a terminal or a log, one line for each: `file:line path: message — remedy`. Control characters are
 * escaped, so that a configuration cannot write to the terminal of whoever checks it.
 */
export function renderProblems(problems: readonly ConfigurationProblem[]): string {
  return problems.map((problem) => escapeControls(renderProblem(problem))).join('\n');
}

function renderProblem({ file, path, line, message, remedy }: ConfigurationProblem): string {
  const where = line === undefined ? file : `${file}:${line}`;
  return `${path === '' ? where : `${where} ${path}`}: ${message} — ${remedy}`;
}

/** More of one section tell nobody anything new, and a file of megabytes could have a hundred thousand. */
export const shownOfEachSection = 100;

/** Findings in the order in which they came: the first ones of every section, and how many more there are. */
class BoundedFindings<T> {
  readonly #shown: T[] = [];
  readonly #counts = new Map<string, number>();

  /** Counts a finding. It is made only when it is going to be shown, so that a flood of them costs nothing. */
  add(path: ConfigurationPath, make: () => T): void {
    const section = String(path[0] ?? '');
    const count = (this.#counts.get(section) ?? 0) + 1;
    this.#counts.set(section, count);
    if (count <= shownOfEachSection) this.#shown.push(make());
  }

  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The shown ones, and for every section that has more one that says how many, made by `more`. */
  all(more: (section: string, left: number) => T): T[] {
    const rest = [...this.#counts]
      .filter(([, count]) => count > shownOfEachSection)
      .map(([section, count]) => more(section, count - shownOfEachSection));
    return [...this.#shown, ...rest];
  }
}

/** Longer than any sentence of ours: what it names of the file could be megabytes. */
const maxSentenceCharacters = 2_000;

function bounded(sentence: string): string {
  return sentence.length <= maxSentenceCharacters ? sentence : `${sentence.slice(0, maxSentenceCharacters)}…`;
}

/** The 1-based line of a path, or of the nearest thing above it that the file holds. */
export type LineOf = (path: ConfigurationPath) => number | undefined;

/** The problems and warnings of one file, in the order in which they were found; see {@link BoundedFindings}. */
export class Findings {
  /** Set as soon as the document is parsed. */
  lineOf: LineOf;
  readonly #problems = new BoundedFindings<ConfigurationProblem>();
  readonly #warnings = new BoundedFindings<ConfigurationWarning>();
  readonly #file: string;

  constructor(file: string, lineOf: LineOf = () => undefined) {
    this.#file = file;
    this.lineOf = lineOf;
  }

  /** How many problems there are, shown or not. */
  get problemCount(): number {
    return this.#problems.count;
  }

  get problems(): readonly ConfigurationProblem[] {
    const remedy = 'mend the ones above first';
    return this.#problems.all((path, left) => {
      return { file: this.#file, path, message: `has ${left} more problems`, remedy };
    });
  }

  get warnings(): readonly ConfigurationWarning[] {
    return this.#warnings.all((path, left) => ({ path, message: `${left} more warnings about this` }));
  }

  /**
   * A fault: the configuration will not be used. `remedy` may be worked out when it is wanted, where that is slow;
   * `lineOf` is given where the fault is not on the line of its path.
   */
  problem(
    path: ConfigurationPath,
    message: string,
    remedy: string | (() => string),
    lineOf: LineOf = this.lineOf,
  ): void {
    this.#problems.add(path, () => {
      const line = lineOf(path);
      return {
        file: this.#file,
        path: formatPath(path),
        ...(line === undefined ? {} : { line }),
        message: bounded(message),
        remedy: bounded(typeof remedy === 'string' ? remedy : remedy()),
      };
    });
  }

  /** Something allowed that deserves a look. */
  warn(path: ConfigurationPath, message: string): void {
    this.#warnings.add(path, () => ({ path: formatPath(path), message: bounded(message) }));
  }
}
