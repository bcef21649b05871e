/**
 * The audit port: where records go. A record is with the operating system before its answer leaves us,
 * so an allow without a record cannot happen while `onFailure` is `refuse`.
 */

/** A place for records. A tamper-evident log comes behind this same port. */
export interface AuditLog {
  /**
   * Takes one whole line, newline included. Resolves once the line is with the operating system;
   * rejects when it could not be written, and then no record of it is in the log (at most a line that says nothing).
   */
  append(line: string): Promise<void>;
  /** Why records cannot be written right now; undefined while they can. */
  fault(): string | undefined;
  /** Writes what is pending and closes. */
  close(): Promise<void>;
}

/** Writes a whole chunk or throws, leaving no record of it behind. */
export interface ChunkWriter {
  write(chunk: string): void;
  close(): void;
}
