/**
 * One write-ahead file, read from where it is sealed. What is not a whole frame waits for the file's owner, and is settled
 * once the owner cannot write any more: the whole lines of a last frame are taken, and the rest is a loss.
 */
import type { WriteAheadName } from './directory.js';
import type { LogFileSystem } from './file-system.js';
import { FRAME_HEAD_BYTES, scanFrame } from './frames.js';
import { lossRecord, splitLines, timeOf, type Loss } from './records.js';

/** A file, and all that is known of its owner from before it was read. */
export interface Source extends WriteAheadName {
  readonly bytes: number;
  readonly sealed: number;
  /** Its owner appends nothing more. */
  readonly isOver: boolean;
  /** Its owner has gone on to another file: what is not whole in this one was given up and told of. */
  readonly hasSuccessor: boolean;
}

/** Bounds of what is read. One frame is taken whole all the same. */
export interface ReadingBudget {
  readonly bytes: number;
  readonly records: number;
}

/** How far everything was before a frame. */
interface FrameStart {
  readonly at: number;
  readonly records: number;
  readonly losses: number;
  /** Of its first record. */
  readonly timeMs: number | undefined;
}

/** Bytes that are looked through for the next whole frame at once. */
const WINDOW_BYTES = 16 * 1_048_576;

export class Reading {
  readonly source: Source;
  readonly records: Buffer[] = [];
  /** How far it is read. */
  at: number;
  losses = 0;
  isCut = false;
  readonly #fs: LogFileSystem;
  readonly #path: string;
  readonly #nowMs: number;
  readonly #starts: FrameStart[] = [];
  #isClosed = false;

  constructor(fs: LogFileSystem, path: string, source: Source, nowMs: number) {
    this.#fs = fs;
    this.#path = path;
    this.#nowMs = nowMs;
    this.source = source;
    this.at = source.sealed;
  }

  /** Nothing is left in it, and nothing will come. */
  isFinished(): boolean {
    return (this.source.isOver || this.#isClosed) && this.at >= this.source.bytes;
  }

  /** Unix milliseconds of the last record; undefined when there is none, or it has none. */
  lastTimeMs(): number | undefined {
    const last = this.records.at(-1);
    return last === undefined ? undefined : timeOf(last);
  }

  /** Leaves the frames from the first one on that begins later than this for another time. Gives whether there are any. */
  holdBack(timeMs: number): boolean {
    const first = this.#starts.find((start) => start.timeMs !== undefined && start.timeMs > timeMs);
    if (first === undefined) return false;
    this.at = first.at;
    this.records.length = first.records;
    this.losses = first.losses;
    this.isCut = true;
    return true;
  }

  run({ bytes, records }: ReadingBudget): void {
    if (this.at > this.source.bytes) this.#truncated();
    let chunk = this.#read(bytes);
    for (let from = 0; chunk !== undefined && this.at < this.source.bytes;) {
      const scanned = scanFrame(chunk, from);
      const isShort = chunk.length - from < this.source.bytes - this.at;
      // One record or loss at least is taken, since a seal without any does not remember how far it has read.
      const isEnough = isShort && scanned.kind !== 'frame' && this.records.length > 0;
      this.isCut = isEnough || this.records.length >= records;
      if (this.isCut) return;
      if (scanned.kind === 'frame') {
        this.#take(scanned.frame.kind, scanned.frame.payload);
        this.at += scanned.bytes;
        from += scanned.bytes;
      } else if (isShort && (scanned.kind === 'incomplete' || from > 0 || chunk.length < WINDOW_BYTES)) {
        chunk = this.#read(scanned.kind === 'incomplete' ? Math.max(scanned.needed, bytes) : WINDOW_BYTES);
        from = 0;
      } else {
        const skipped = this.#skip(scanned.kind, chunk.subarray(from), isShort);
        if (skipped === 0) return;
        this.at += skipped;
        from += skipped;
      }
    }
  }

  /** Undefined where the file is shorter than it was, as its owner has taken back what did not fit: it is looked at next time. */
  #read(bytes: number): Buffer | undefined {
    const wanted = Math.min(bytes, this.source.bytes - this.at);
    const read = wanted === 0 ? undefined : this.#fs.readAt(this.#path, this.at, wanted);
    return read?.length === wanted ? read : undefined;
  }

  #take(kind: string, payload: Buffer): void {
    if (kind === 'E') this.#isClosed = true;
    if (kind !== 'R') return;
    const { at, losses } = this;
    const records = this.records.length;
    this.#lines(payload, at + FRAME_HEAD_BYTES);
    const first = this.records[records];
    this.#starts.push({ at, records, losses, timeMs: first && timeOf(first) });
  }

  /** Gives what follows the last newline. */
  #lines(payload: Buffer, offset: number): Buffer {
    const { lines, rest } = splitLines(payload);
    for (const line of lines)
      if (line.isRecord) this.records.push(line.bytes);
      else this.#lose('not_a_record', offset + line.offset, line.bytes);
    return rest;
  }

  /** Settles what is no whole frame, and gives its bytes; 0 when it may still become one. `goesOn`: the file has more than `rest`. */
  #skip(kind: 'incomplete' | 'damaged', rest: Buffer, goesOn: boolean): number {
    const next = nextFrame(rest, goesOn);
    if (next === undefined && !this.source.isOver) return 0;
    const bytes = next ?? rest.length;
    const content = rest.subarray(0, bytes);
    if (kind === 'damaged' || next !== undefined) this.#lose('damaged', this.at, content);
    else if (this.source.hasSuccessor || bytes < FRAME_HEAD_BYTES) this.#lose('torn', this.at, content);
    else this.#salvage(content);
    return bytes;
  }

  /** Its owner was killed while it wrote, or the machine has lost power: whole lines are records. */
  #salvage(content: Buffer): void {
    const kind = content.toString('latin1', 0, 1);
    const payload = content.subarray(FRAME_HEAD_BYTES);
    const rest = kind === 'R' ? this.#lines(payload, this.at + FRAME_HEAD_BYTES) : payload;
    if (rest.length > 0 && kind === 'R') this.#lose('torn', this.at + content.length - rest.length, rest);
  }

  /** What is sealed is in the log; a living owner would go on below what is sealed. */
  #truncated(): void {
    const { bytes, isOver, sealed, name } = this.source;
    this.at = bytes;
    if (isOver) return;
    this.losses += 1;
    const loss: Loss = { reason: 'truncated', file: name, offset: bytes, bytes: sealed - bytes };
    this.records.push(lossRecord(this.#nowMs, loss));
  }

  #lose(reason: Loss['reason'], offset: number, content: Buffer): void {
    this.losses += 1;
    const loss = { reason, file: this.source.name, offset, bytes: content.length, content };
    this.records.push(lossRecord(this.#nowMs, loss));
  }
}

/**
 * Where the next whole frame begins, which is at the begin of a line; undefined when there is none. Where the file goes on
 * it is the next one that may be whole, or the end of the bytes.
 */
function nextFrame(bytes: Buffer, goesOn: boolean): number | undefined {
  for (let at = bytes.indexOf('\n'); at >= 0; at = bytes.indexOf('\n', at + 1)) {
    const { kind } = scanFrame(bytes, at + 1);
    if (kind === 'frame' || (goesOn && kind === 'incomplete')) return at + 1;
  }
  return goesOn ? bytes.length : undefined;
}
