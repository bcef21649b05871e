/** Has an index follow a journal: what every process has written is in it before anything is decided. */
import { isStanding, statusOf, type JournalEvent } from './journal-record.js';
import type { JournalHead, JournalRecord, JournalTransaction } from './journal.js';
import type { NonceIndex } from '../nonce-index.js';
import { KEPT_KEY_BYTES } from '../nonce-table.js';

/** Records that are read in one go: some milliseconds, after which other work gets its turn. */
const RECORDS_AT_ONCE = 512;
/** Records that one transaction deletes at most; it writes fewer. */
const DELETIONS_AT_ONCE = 64;
/** Records are kept apart by the time in which their events die, so that one long window does not keep all. */
const SPAN_SECONDS = 32;

const EMPTY_HEAD: JournalHead = { lastRecord: 0, floorSeconds: 0, forgottenThroughSeconds: 0 };

/** Records of one span that are still there. Their bytes are counted until the last of them is deleted. */
interface Span {
  readonly records: number[];
  bytes: number;
}

export class JournalFollower {
  readonly #index: NonceIndex;
  readonly #spans = new Map<number, Span>();
  readonly #unanswered = new UnansweredClaims();
  #lastRecord = 0;
  #bytes = 0;

  constructor(index: NonceIndex) {
    this.#index = index;
  }

  /** What the records take in the database. */
  bytes(): number {
    return this.#bytes;
  }

  /** Whether the claim of a key, which is remembered, may still be withdrawn by its owner. */
  isUnanswered(key: Buffer): boolean {
    return this.#unanswered.has(key);
  }

  /** Whether it is the claim of `requestId`, which may still be withdrawn and is not known to stand. */
  isUnansweredOf(key: Buffer, requestId: string): boolean {
    return this.#unanswered.isOf(key, requestId);
  }

  /** Notes what was decided just now, and is going to be written: for what is decided next. */
  note(event: JournalEvent): void {
    if (event.kind === 'withdrawn' || isStanding(event)) this.#unanswered.delete(event.key);
    else this.#unanswered.add(event.key, event.seenAtMs, event.requestId);
  }

  /** Reads what is new; false when there is more than one turn should read, and it has to be called again. */
  catchUp(transaction: JournalTransaction): boolean {
    const head = transaction.head() ?? EMPTY_HEAD;
    this.#index.raiseFloor(head.floorSeconds);
    if (head.lastRecord === this.#lastRecord) return this.#forgetWith(head);
    const fresh = transaction.recordsBetween(this.#lastRecord, head.lastRecord, RECORDS_AT_ONCE);
    for (const record of fresh) this.#read(record);
    if (fresh.length === RECORDS_AT_ONCE) return false;
    this.#lastRecord = head.lastRecord;
    return this.#forgetWith(head);
  }

  /** Writes what the index has decided, deletes what has died, and moves the head along. */
  write(transaction: JournalTransaction, events: readonly JournalEvent[]): void {
    for (const [span, together] of bySpan(events)) {
      this.#lastRecord += 1;
      const bytes = transaction.append(this.#lastRecord, together);
      this.#count(span, this.#lastRecord, bytes);
    }
    this.#deleteDead(transaction);
    transaction.writeHead({
      lastRecord: this.#lastRecord,
      floorSeconds: this.#index.floorSeconds(),
      forgottenThroughSeconds: this.#index.forgottenThroughSeconds(),
    });
  }

  /** Whether records could be deleted now. */
  hasDead(): boolean {
    return this.#deadSpans().length > 0;
  }

  /** Forgets what was read, for reading all of it again: after a transaction that may or may not have happened. */
  restart(): void {
    this.#index.clear();
    this.#unanswered.clear();
    this.#spans.clear();
    this.#lastRecord = 0;
    this.#bytes = 0;
  }

  #forgetWith(head: JournalHead): true {
    this.#index.forgetThrough(head.forgottenThroughSeconds);
    return true;
  }

  #read({ record, events, bytes }: JournalRecord): void {
    for (const event of events) if (this.#follow(event)) this.note(event);
    const [first] = events;
    if (first !== undefined) this.#count(spanOf(first), record, bytes);
    this.#lastRecord = record;
  }

  /** Whether the event has changed anything. */
  #follow(event: JournalEvent): boolean {
    if (isStanding(event)) {
      const status = statusOf(event);
      if (status !== undefined) this.#index.restoreStatus(event.key, status);
      return true;
    }
    return event.kind === 'claimed'
      ? this.#index.restore(event)
      : this.#index.withdraw(event.key, event.requestId);
  }

  #count(number: number, record: number, bytes: number): void {
    const span = this.#spans.get(number) ?? { records: [], bytes: 0 };
    span.records.push(record);
    span.bytes += bytes;
    this.#spans.set(number, span);
    this.#bytes += bytes;
  }

  #deleteDead(transaction: JournalTransaction): void {
    let left = DELETIONS_AT_ONCE;
    for (const [number, span] of this.#deadSpans()) {
      const records = span.records.splice(0, left);
      for (const record of records) transaction.remove(record);
      left -= records.length;
      if (span.records.length > 0) return;
      this.#bytes -= span.bytes;
      this.#spans.delete(number);
    }
  }

  #deadSpans(): [number, Span][] {
    const forgotten = this.#index.forgottenThroughSeconds();
    return [...this.#spans].filter(([number]) => (number + 1) * SPAN_SECONDS - 1 <= forgotten);
  }
}

function spanOf(event: JournalEvent): number {
  return Math.floor(event.timestampSeconds / SPAN_SECONDS);
}

function bySpan(events: readonly JournalEvent[]): Map<number, JournalEvent[]> {
  const spans = new Map<number, JournalEvent[]>();
  for (const event of events) {
    const together = spans.get(spanOf(event));
    if (together === undefined) spans.set(spanOf(event), [event]);
    else together.push(event);
  }
  return spans;
}

/** No claim stays unanswered for so long: the longest check that can be configured, with the grace after it. */
const LONGEST_MS = 61_000;

interface Made {
  /** Unix ms. */
  readonly atMs: number;
  readonly requestId: string;
}

/** Claims whose callers were not answered yet, as far as the journal tells: few, whatever is remembered in all. */
class UnansweredClaims {
  /** By their keys; more or less in the order in which they were made. */
  readonly #made = new Map<string, Made>();

  /** Forgets those that nobody can be waiting for any longer, which processes that were killed have left. */
  add(key: Buffer, atMs: number, requestId: string): void {
    for (const [oldest, made] of this.#made) {
      if (made.atMs > atMs - LONGEST_MS) break;
      this.#made.delete(oldest);
    }
    this.#made.set(nameOf(key), { atMs, requestId });
  }

  delete(key: Buffer): void {
    if (this.#made.size > 0) this.#made.delete(nameOf(key));
  }

  has(key: Buffer): boolean {
    return this.#made.size > 0 && this.#made.has(nameOf(key));
  }

  /** Whether the claim is that of `requestId`. */
  isOf(key: Buffer, requestId: string): boolean {
    return this.#made.get(nameOf(key))?.requestId === requestId;
  }

  clear(): void {
    this.#made.clear();
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1', 0, KEPT_KEY_BYTES);
}
