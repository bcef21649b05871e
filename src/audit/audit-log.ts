/**
 * The audit log: where records go. A record is with the operating system before its answer leaves us,
 * so an allow without a record cannot happen while `onFailure` is `refuse`.
 *
 * The last record of a decision id says what became of it (docs/operations.md#records): a line of which nothing is
 * written can be withdrawn, one that was written can only be corrected by another one behind it.
 */

/**
 * `withdrawn`: nothing of the line is in the log, or ever will be, since nobody wanted it any more. `partly`: where
 * records have two places, one may have it and the other could not be written, and where a record is to be on the disk,
 * the disk may have lost it; what says more than is true is to be corrected.
 */
export type Appended = 'written' | 'withdrawn' | 'partly';

/** What the services need of a log, and what a fake in a test stands for. */
export interface AuditLog {
  /**
   * Takes one whole line, newline included. Resolves once the line is with the operating system, or was withdrawn;
   * rejects when it could not be written, and then no record of it is in the log (at most a line that says nothing).
   *
   * While a reader stalls, lines wait for it. `isWanted` is asked meanwhile, as long as nothing of the line is
   * written; a line that has begun is always ended. Default: wanted as long as the log waits.
   */
  append(line: string, isWanted?: () => boolean): Promise<Appended>;
  /** A line that takes back what an earlier one says. It is kept, over any fault, until it is written. */
  correct(line: string): void;
  /** Lets go of what is open and opens it again by its name; a failure of that is a fault. */
  reopen(): void;
  /** Why records cannot be written right now; undefined while they can. */
  fault(): string | undefined;
  /** Writes what is pending and closes. */
  close(): Promise<void>;
}

/** Where whole lines are written. */
export interface ChunkWriter {
  /**
   * Gives the number of bytes that are with the operating system: fewer than all when the reader has no room for more
   * now. Throws when nothing could be written, and then no record of the chunk is left behind.
   */
  write(chunk: Buffer): number;
  /** Opens anew by name, where there is one. Throws when that fails, and tries again with the next chunk. */
  reopen(): void;
  close(): void;
  /**
   * Resolves when all that was written before the call is on the disk; rejects when some of it may not be, and never
   * will be. Called again only after that. Absent where `audit.durability` does not ask for it.
   */
  sync?(): Promise<void>;
  /** A longer line, newline included, is refused by itself. Absent: any length. */
  readonly maxLineBytes?: number;
}
