/**
 * Where the operational log goes, below the logger: lines to standard error, whatever that is. What cannot be written
 * is dropped and counted, and no line ever holds up or ends the process (a full disk, a pipe without a reader, one
 * whose reader has stalled, a terminal that was stopped). The first line that can be written again says how many
 * were lost.
 */
import { fstatSync, writeSync } from 'node:fs';
import type { Registry } from 'prom-client';
import { unpooledCopy } from '../crypto/unpooled-copy.js';
import { WholeAppends } from '../storage/output/whole-appends.js';
import { isBusy, openStandardStream, STDERR } from '../storage/output/standard-stream.js';
import { addCounter } from './metric-kinds.js';

/** Kept for a reader that has stalled: some thousand lines. */
const MAX_WAITING_BYTES = 256 * 1024;
const RETRY_MILLISECONDS = 100;

/** How it is made. */
interface LogDestinationOptions {
  /** The line that says how many were lost, newline included. */
  readonly lossLine: (lostLines: number) => string;
  /** Default: standard error, so that a write never waits. */
  readonly descriptor?: number;
  /** Default: the system's. Throws as `fs.writeSync` does. */
  readonly write?: (descriptor: number, bytes: Buffer) => number;
}

interface Item {
  /** What is not written of it yet. */
  rest: Buffer;
  /** The beginning is written: the rest has to follow before anything else, or two lines would be one. */
  begun: boolean;
  /** Of the line about a loss: how many it tells of. */
  readonly tells?: number;
}

/** A `DestinationStream` for pino. */
export class LogDestination {
  readonly #options: LogDestinationOptions;
  readonly #descriptor: number;
  readonly #write: (descriptor: number, bytes: Buffer) => number;
  #waiting: Item[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #told = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: LogDestinationOptions) {
    this.#options = options;
    this.#descriptor = options.descriptor ?? openStandardStream(STDERR);
    this.#write = options.write ?? writerTo(this.#descriptor);
  }

  /** Lines that were dropped since the start. */
  get lostLines(): number {
    return this.#lost;
  }

  /** Takes one whole line, newline included. Never throws and never waits. */
  write(line: string): void {
    const rest = unpooledCopy(Buffer.from(line));
    if (this.#waitingBytes + rest.length > MAX_WAITING_BYTES) this.#lost += 1;
    else {
      if (this.#waiting.length === 0) this.#tellLoss();
      this.#keep({ rest, begun: false });
    }
    this.flushSync();
  }

  /** Writes what waits, as far as it can be written now. */
  flushSync(): void {
    try {
      while (this.#next() && this.#writeSome());
    } catch (error) {
      if (!isBusy(error)) this.#drop();
    }
    if (this.#waiting.length > 0 || this.#told < this.#lost)
      this.#retry ??= setTimeout(() => this.#again(), RETRY_MILLISECONDS).unref();
  }

  /** Whether there is something to write: after all that has waited, the line about what was lost meanwhile. */
  #next(): boolean {
    if (this.#waiting.length === 0) this.#tellLoss();
    return this.#waiting.length > 0;
  }

  #again(): void {
    this.#retry = undefined;
    this.flushSync();
  }

  /** False when nothing of the first could be written. */
  #writeSome(): boolean {
    const [first] = this.#waiting;
    if (first === undefined) return false;
    const written = this.#write(this.#descriptor, first.rest);
    this.#waitingBytes -= written;
    if (written < first.rest.length) {
      first.begun ||= written > 0;
      first.rest = first.rest.subarray(written);
      return written > 0;
    }
    this.#waiting.shift();
    this.#told += first.tells ?? 0;
    return true;
  }

  #tellLoss(): void {
    const lost = this.#lost - this.#told;
    if (lost > 0)
      this.#keep({
        rest: unpooledCopy(Buffer.from(this.#options.lossLine(lost))),
        begun: false,
        tells: lost,
      });
  }

  #keep(item: Item): void {
    this.#waiting.push(item);
    this.#waitingBytes += item.rest.length;
  }

  /** Nothing can be written: what waits is lost, but for the end of a line that has begun. */
  #drop(): void {
    const [first] = this.#waiting;
    const kept = first?.begun === true ? [first] : [];
    this.#lost += this.#waiting.filter((item) => item.tells === undefined && !kept.includes(item)).length;
    this.#waiting = kept;
    this.#waitingBytes = kept.reduce((sum, { rest }) => sum + rest.length, 0);
  }
}

/** In a file that others write to as well, the half of a line that a full disk took would be joined by theirs. */
function writerTo(descriptor: number): (descriptor: number, bytes: Buffer) => number {
  if (!fstatSync(descriptor).isFile()) return (_descriptor, bytes) => writeSync(descriptor, bytes);
  const appends = new WholeAppends(descriptor);
  return (_descriptor, bytes) => appends.write(bytes);
}

/** Shows the losses of this process's log. */
export function addLogMetrics(registry: Registry, lostLines: () => number): void {
  addCounter(registry, {
    name: 'countersign_log_lines_lost_total',
    help: 'Lines of the operational log that could not be written and were dropped.',
    read: lostLines,
  });
}
