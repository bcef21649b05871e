/** What can be found wrong with a log, each fault with the file and the records that it is about. */

export type LogFaultKind =
  /** The checkpoint: missing, no note, unsigned, forged, of another log, or without its quorum. */
  | 'checkpoint'
  | 'quorum'
  /** A retained checkpoint that the log does not continue, and one that the log is shorter than. */
  | 'forked'
  | 'truncated'
  /** The tiles do not make the root that is signed. */
  | 'root'
  /** A tile that is missing, unreadable or changed. */
  | 'tile'
  /** Records and their tile were changed together. */
  | 'rewritten'
  | 'missing'
  | 'unreadable'
  | 'edited'
  | 'inserted'
  | 'deleted'
  | 'reordered'
  /** Files of a larger tree than the checkpoint's. */
  | 'beyond';

/** One fault. */
export interface LogFault {
  readonly kind: LogFaultKind;
  /** Relative to the log, or as it was named; undefined where no one file is at fault. */
  readonly file: string | undefined;
  /** The first record that it is about; undefined where it is about none. */
  readonly index: number | undefined;
  /** One past the last one. */
  readonly end: number | undefined;
  /** The decision id that the record in the file has, where it can be read. Nothing vouches for it. */
  readonly decisionId: string | undefined;
  /** A sentence without its full stop. */
  readonly message: string;
}

/** Faults as they are found: the first ones are kept, all of them are counted. */
export class LogFaults {
  readonly #kept: LogFault[] = [];
  readonly #limit: number;
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(kind: LogFaultKind, message: string, about: Partial<Omit<LogFault, 'kind' | 'message'>> = {}): void {
    this.#count += 1;
    const { file, index, end, decisionId } = about;
    if (this.#kept.length < this.#limit) this.#kept.push({ kind, file, index, end, decisionId, message });
  }

  /** Unless the file has a fault of this kind already: it may be read more than once. */
  addOnce(
    kind: LogFaultKind,
    message: string,
    about: Partial<Omit<LogFault, 'kind' | 'message'>> = {},
  ): void {
    if (!this.#kept.some((fault) => fault.kind === kind && fault.file === about.file))
      this.add(kind, message, about);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether what is found from now on is only counted. */
  get isFull(): boolean {
    return this.#kept.length === this.#limit;
  }

  get kept(): readonly LogFault[] {
    return this.#kept;
  }
}
