/**
 * Group commit of records: the lines that arrive in one turn of the event loop go out in one write, and their answers
 * follow. What becomes of them while the disk is full or a reader stalls is decided here.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SyncGroup } from '../storage/output/sync-group.js';
import { TurnBatcher } from '../storage/turn-batcher.js';
import type { Appended, AuditLog, ChunkWriter } from './audit-log.js';

/** A log that cannot be written is tried again this often, as traffic may have stopped because of it. */
const RETRY_MILLISECONDS = 250;
/** How often a reader that stalls is looked at, and for how long: well below the time that Envoy waits for a check. */
const STALL_LOOK_MILLISECONDS = 5;
const STALL_LIMIT_MILLISECONDS = 400;
/** Lines that wait for a reader; a line has some hundred bytes. */
const MAX_WAITING_LINES = 4_096;

const STALLED = new Error('the reader of the records has stalled');
const FULL = new Error('too many records wait for their reader');
const CLOSED = new Error('the audit log is closed');
const TOO_LONG = new Error('the record is longer than the log takes');
/** Of UTF-8, for one UTF-16 unit of a text. */
const MOST_BYTES_A_UNIT = 3;

const nothing = (): void => undefined;

interface Entry {
  readonly line: string;
  readonly isWanted: () => boolean;
  /** With `gap` the line that tells of a loss, which is made anew for each write; with `correction` never given up. */
  readonly kind: 'record' | 'correction' | 'gap';
  readonly settle: (how: Appended) => void;
  /** Of a gap: what it tells of is to be told again. */
  readonly reject: (error: Error) => void;
}

/**
 * At load one system call takes dozens of records; at rest a record waits for one turn.
 *
 * A reader that stalls is waited for, for a while. After that the log is at fault like one whose disk is full: records
 * are refused at once until something can be written again.
 */
export class BatchedLog implements AuditLog {
  readonly #writer: ChunkWriter;
  readonly #gapLine: (lostRecords: number) => string;
  readonly #group: SyncGroup<Entry> | undefined;
  readonly #arrivals = new TurnBatcher<Entry>({ handle: (batch) => this.#writeWith(batch) });
  /** What was not written in its turn, and goes before everything that arrives. */
  #waiting: Entry[] = [];
  /** The beginning of its line is written: the rest goes before everything else. */
  #begun: { readonly entry: Entry; readonly rest: Buffer } | undefined;
  #fault: string | undefined;
  #lost = 0;
  #stalledSinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `gapLine` makes the line that follows a time without records and says how many were lost. */
  constructor(writer: ChunkWriter, gapLine: (lostRecords: number) => string) {
    this.#writer = writer;
    this.#gapLine = gapLine;
    this.#group =
      writer.sync &&
      new SyncGroup(() => writer.sync?.() ?? Promise.resolve(), {
        onSynced: (entries) => this.#synced(entries),
        onFailed: (entries, error) => this.#notSynced(entries, error),
      });
  }

  append(line: string, isWanted: () => boolean = () => true): Promise<Appended> {
    if (this.#closed) return Promise.reject(CLOSED);
    const unsynced = this.#group?.size ?? 0;
    if (this.#waiting.length + this.#arrivals.size + unsynced >= MAX_WAITING_LINES) return this.#refuse(FULL);
    if (this.#isTooLong(line)) return this.#refuse(TOO_LONG);
    return new Promise((settle, reject) =>
      this.#arrivals.add({ line, isWanted, kind: 'record', settle, reject }),
    );
  }

  #refuse(error: Error): Promise<never> {
    this.#lost += 1;
    return Promise.reject(error);
  }

  #isTooLong(line: string): boolean {
    const { maxLineBytes = Infinity } = this.#writer;
    return line.length * MOST_BYTES_A_UNIT > maxLineBytes && Buffer.byteLength(line) > maxLineBytes;
  }

  correct(line: string): void {
    if (this.#closed) return;
    if (this.#isTooLong(line)) {
      this.#lost += 1;
      return;
    }
    this.#arrivals.add({ line, isWanted: () => true, kind: 'correction', settle: nothing, reject: nothing });
  }

  fault(): string | undefined {
    return this.#fault;
  }

  reopen(): void {
    if (this.#closed) return;
    try {
      this.#writer.reopen();
    } catch (error) {
      this.#failed(toError(error));
    }
  }

  /** What waits for a reader is waited for no longer than ever. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#arrivals.run();
    this.#arrivals.flush();
    // No timer holds the process, but this does.
    while (this.#stalledSinceMs !== undefined && this.#fault === undefined)
      await sleep(STALL_LOOK_MILLISECONDS);
    await this.#group?.idle();
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(CLOSED);
    this.#begun?.entry.reject(CLOSED);
    this.#begun = undefined;
    this.#lost = 0;
    this.#recovered();
    this.#writer.close();
  }

  #writeWith(arrived: readonly Entry[]): true {
    this.#waiting = this.#waiting.concat(arrived);
    this.#flush();
    return true;
  }

  /** After a fault, the line that tells of the gap goes before everything else. */
  #flush(): void {
    if (this.#stalledSinceMs !== undefined) this.#withdraw();
    const batch = [...this.#gap(), ...this.#waiting];
    if (batch.length === 0 && this.#begun === undefined) return;
    this.#waiting = [];
    const text = Buffer.from(batch.map(({ line }) => line).join(''));
    const chunk = this.#begun === undefined ? text : Buffer.concat([this.#begun.rest, text]);
    try {
      const written = this.#writer.write(chunk);
      if (written === chunk.length) this.#wroteAll(batch);
      else this.#wroteSome(batch, written);
    } catch (error) {
      this.#waiting = batch;
      this.#failed(toError(error));
    }
  }

  #gap(): Entry[] {
    if (this.#fault === undefined && this.#lost === 0) return [];
    if (this.#begun?.entry.kind === 'gap' || (this.#lost === 0 && this.#group?.some(isGap) === true))
      return [];
    const told = this.#lost;
    const settle = (): void => void (this.#lost -= told);
    const reject = (): void => void (this.#lost += told);
    return [{ line: this.#gapLine(told), isWanted: () => true, kind: 'gap', settle, reject }];
  }

  #withdraw(): void {
    this.#waiting = this.#waiting.filter(({ isWanted, settle }) => {
      const wanted = isWanted();
      if (!wanted) settle('withdrawn');
      return wanted;
    });
  }

  #wroteAll(batch: readonly Entry[]): void {
    if (this.#group !== undefined) {
      for (const { settle } of batch.filter(isGap)) settle('written');
      this.#group.add(batch);
      return;
    }
    this.#begun?.entry.settle('written');
    this.#begun = undefined;
    for (const { settle } of batch) settle('written');
    this.#recovered();
  }

  #synced(entries: readonly Entry[]): void {
    this.#recovered();
    for (const entry of entries) if (!isGap(entry)) entry.settle('written');
  }

  /** Nobody knows what of it lasts. Corrections are written again, and what a gap has told is to be told again. */
  #notSynced(entries: readonly Entry[], failure: Error): void {
    const corrections = entries.filter(({ kind }) => kind === 'correction');
    this.#waiting = corrections.concat(this.#waiting);
    for (const { reject } of entries.filter(isGap)) reject(failure);
    for (const { kind, settle } of entries) {
      if (kind !== 'record') continue;
      this.#lost += 1;
      settle('partly');
    }
    this.#fault = failure.message;
    this.#again(RETRY_MILLISECONDS);
  }

  /** Everything is written, and on the disk where that is asked for. */
  #recovered(): void {
    this.#fault = undefined;
    this.#stalledSinceMs = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What has begun keeps its place at the head, what has not waits. */
  #wroteSome(batch: readonly Entry[], written: number): void {
    const begun = this.#begun === undefined ? [] : [this.#begun];
    this.#begun = undefined;
    let left = written;
    for (const { entry, rest } of [...begun, ...batch.map((entry) => ({ entry, rest: undefined }))]) {
      const bytes = rest ?? Buffer.from(entry.line);
      if (left >= bytes.length) entry.settle('written');
      else if (left > 0 || rest !== undefined) this.#begun = { entry, rest: bytes.subarray(left) };
      else this.#waiting.push(entry);
      left = Math.max(0, left - bytes.length);
    }
    this.#stalled();
  }

  #stalled(): void {
    const nowMs = performance.now();
    this.#stalledSinceMs ??= nowMs;
    const isFault = this.#fault !== undefined || nowMs - this.#stalledSinceMs >= STALL_LIMIT_MILLISECONDS;
    if (isFault) {
      this.#giveUp(STALLED);
      return;
    }
    this.#waiting = this.#waiting.filter(({ kind }) => kind !== 'gap');
    this.#again(STALL_LOOK_MILLISECONDS);
  }

  /** Nobody knows what became of a line that had begun: it is ended as it is, so that the next one stands alone. */
  #failed(failure: Error): void {
    if (this.#begun !== undefined) {
      this.#begun.entry.reject(failure);
      const entry: Entry = { ...this.#begun.entry, kind: 'correction', settle: nothing, reject: nothing };
      this.#begun = { entry, rest: Buffer.from('\n') };
    }
    this.#giveUp(failure);
  }

  /** Corrections stay, and so does a line that has begun. */
  #giveUp(failure: Error): void {
    this.#fault = failure.message;
    const records = this.#waiting.filter(({ kind }) => kind === 'record');
    this.#waiting = this.#waiting.filter(({ kind }) => kind === 'correction');
    this.#lost += records.length;
    for (const { reject } of records) reject(failure);
    this.#again(RETRY_MILLISECONDS);
  }

  #again(milliseconds: number): void {
    if (this.#closed && this.#fault !== undefined) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, milliseconds).unref();
  }
}

function isGap({ kind }: Entry): boolean {
  return kind === 'gap';
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
