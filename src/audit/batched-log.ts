/**
 * Group commit: the records of one turn of the event loop go out in one write, and their answers follow.
 * At load that is one system call for dozens of records; at rest it costs one turn.
 */
import type { AuditLog, ChunkWriter } from './audit-log.js';

/** A log that cannot be written is tried again this often, as traffic may have stopped because of it. */
const RETRY_MILLISECONDS = 250;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class BatchedLog implements AuditLog {
  readonly #writer: ChunkWriter;
  readonly #gapLine: (lostRecords: number) => string;
  #lines: string[] = [];
  #waiters: Waiter[] = [];
  #fault: string | undefined;
  #lost = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** `gapLine` makes the line that follows a time without records and says how many were lost. */
  constructor(writer: ChunkWriter, gapLine: (lostRecords: number) => string) {
    this.#writer = writer;
    this.#gapLine = gapLine;
  }

  append(line: string): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the audit log is closed'));
    return new Promise((resolve, reject) => {
      this.#lines.push(line);
      this.#waiters.push({ resolve, reject });
      if (this.#lines.length === 1) setImmediate(() => this.#flush());
    });
  }

  fault(): string | undefined {
    return this.#fault;
  }

  close(): Promise<void> {
    this.#flush();
    this.#closed = true;
    clearInterval(this.#retry);
    this.#writer.close();
    return Promise.resolve();
  }

  #flush(): void {
    const [lines, waiters] = [this.#lines, this.#waiters];
    if (lines.length === 0) return;
    this.#lines = [];
    this.#waiters = [];
    const failure = this.#write(lines.join(''));
    if (failure !== undefined) this.#lost += lines.length;
    for (const waiter of waiters) {
      if (failure === undefined) waiter.resolve();
      else waiter.reject(failure);
    }
  }

  /** After a fault, the line that tells of the gap goes before everything else. */
  #write(chunk: string): Error | undefined {
    const gap = this.#fault === undefined ? '' : this.#gapLine(this.#lost);
    try {
      this.#writer.write(gap + chunk);
    } catch (error) {
      return this.#failed(error instanceof Error ? error : new Error(String(error)));
    }
    this.#fault = undefined;
    this.#lost = 0;
    clearInterval(this.#retry);
    this.#retry = undefined;
    return undefined;
  }

  #failed(failure: Error): Error {
    this.#fault = failure.message;
    this.#retry ??= setInterval(() => void this.#write(''), RETRY_MILLISECONDS).unref();
    return failure;
  }
}
