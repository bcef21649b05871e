/**
 * How the records of Envoy's entries get into the audit log: in order, a few at a time, so that the records of decisions never
 * find it full, and no more than so many held. What is left out, by a rate or for want of room, is counted and told.
 */
import type { AuditLog } from '../../audit/audit-log.js';

/** The log takes 4,096 waiting lines before it refuses one (`audit/batched-log.ts`), and a decision must never be the one. */
const MAX_AT_ONCE = 256;
/** Of some 500 bytes each. Eight seconds of a log that stands still, with a thousand requests a second. */
const MAX_WAITING = 8_192;

/** What anybody can bring about, without a certificate: so many records a second, of each event, are kept. */
const RECORDS_PER_SECOND = 20;
const BURST = 200;

/** Events whose records are kept by a rate. */
export type LimitedEvent = 'envoy.refused' | 'tls.failed';

export class RecordQueue {
  readonly #audit: Pick<AuditLog, 'append'>;
  readonly #onLost: () => void;
  readonly #rates = new Map<LimitedEvent, Rate>();
  #waiting: string[] = [];
  #underWay = 0;
  #refused = 0;

  /** `onLost`: of a record that is not in the log, for want of room or as the log did not take it. */
  constructor(audit: Pick<AuditLog, 'append'>, onLost: () => void) {
    this.#audit = audit;
    this.#onLost = onLost;
  }

  /** Takes a line. Nobody waits for it. */
  add(line: string): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#refused++;
      this.#onLost();
      return;
    }
    this.#waiting.push(line);
    this.#begin();
  }

  /** Whether one more of these events is to be recorded; counts it where it is not. */
  admits(event: LimitedEvent, nowMs: number): boolean {
    let rate = this.#rates.get(event);
    if (rate === undefined) this.#rates.set(event, (rate = new Rate(nowMs)));
    return rate.takes(nowMs);
  }

  /** Events that were left out by their rate since the last question. */
  leftOut(): (readonly [LimitedEvent, number])[] {
    return [...this.#rates].flatMap(([event, rate]) => {
      const count = rate.forget();
      return count === 0 ? [] : [[event, count] as const];
    });
  }

  /** Lines for which there was no room since the last question. */
  withoutRoom(): number {
    const count = this.#refused;
    this.#refused = 0;
    return count;
  }

  /** Lines that are held. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Gives everything to the log: at the end, when no decision is made any more. */
  flush(): void {
    this.#give(this.#waiting.length);
  }

  #begin(): void {
    if (this.#underWay === 0) this.#give(MAX_AT_ONCE);
  }

  #give(count: number): void {
    const batch = this.#waiting.splice(0, count);
    this.#underWay += batch.length;
    for (const line of batch) void this.#append(line);
  }

  async #append(line: string): Promise<void> {
    try {
      await this.#audit.append(line);
    } catch {
      this.#onLost();
    }
    this.#underWay--;
    if (this.#waiting.length > 0) this.#begin();
  }
}

/** A bucket of tokens. */
class Rate {
  #tokens = BURST;
  #atMs: number;
  #leftOut = 0;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  takes(nowMs: number): boolean {
    const seconds = Math.max(0, nowMs - this.#atMs) / 1000;
    this.#atMs = nowMs;
    this.#tokens = Math.min(BURST, this.#tokens + seconds * RECORDS_PER_SECOND);
    if (this.#tokens < 1) {
      this.#leftOut++;
      return false;
    }
    this.#tokens--;
    return true;
  }

  forget(): number {
    const count = this.#leftOut;
    this.#leftOut = 0;
    return count;
  }
}
