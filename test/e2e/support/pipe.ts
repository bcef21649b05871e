/** A pipe whose reader is a test that reads when it likes. The writing end waits, as that of a shell does. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const READ_MILLISECONDS = 5;
const READ_BYTES = 64 * 1024;

export class Pipe {
  /** For the process that writes; the test closes its own copy by `closeWriter`. */
  readonly writer: number;
  readonly #reader: number;
  readonly #chunks: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Makes a named one in this folder. */
  constructor(folder: string, name: string) {
    const path = join(folder, name);
    execFileSync('mkfifo', [path]);
    this.#reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writer = openSync(path, constants.O_WRONLY);
  }

  /** What was read so far. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  /** Leaves no room, by empty lines. */
  fill(path: string): void {
    const filling = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      for (;;) writeSync(filling, Buffer.alloc(4_096, '\n'));
    } catch {
      closeSync(filling);
    }
  }

  /** Reads from now on, until `stall`. */
  read(): void {
    this.#timer ??= setInterval(() => this.#drain(), READ_MILLISECONDS);
  }

  stall(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  closeWriter(): void {
    closeSync(this.writer);
  }

  /** Goes away; who writes from now on learns of it. */
  closeReader(): void {
    this.stall();
    closeSync(this.#reader);
  }

  /** Reads all that is there by now. */
  #drain(): void {
    try {
      for (;;) {
        const chunk = Buffer.alloc(READ_BYTES);
        const bytes = readSync(this.#reader, chunk);
        if (bytes === 0) return;
        this.#chunks.push(chunk.subarray(0, bytes));
      }
    } catch {
      // Nothing more for now.
    }
  }
}
