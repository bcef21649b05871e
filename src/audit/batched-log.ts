/**
 * Group commit: the records of one turn of the event loop go out in one write, and their answers follow.
 * At load that is one system call for dozens of records; at rest it costs one turn.
 */
import type { AuditLog, ChunkWriter } from './audit-log.js';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class BatchedLog implements AuditLog {
  readonly #writer: ChunkWriter;
  #lines: string[] = [];
  #waiters: Waiter[] = [];
  #fault: string | undefined;
  #closed = false;

  constructor(writer: ChunkWriter) {
    this.#writer = writer;
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
    this.#writer.close();
    return Promise.resolve();
  }

  #flush(): void {
    const [lines, waiters] = [this.#lines, this.#waiters];
    if (lines.length === 0) return;
    this.#lines = [];
    this.#waiters = [];
    try {
      this.#writer.write(lines.join(''));
      this.#fault = undefined;
      for (const waiter of waiters) waiter.resolve();
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      this.#fault = failure.message;
      for (const waiter of waiters) waiter.reject(failure);
    }
  }
}
