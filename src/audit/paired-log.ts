/**
 * Two places for every record, such as the log that proves itself and a plain file: an allow needs both. Where only one
 * could be written, the caller corrects what it says, and the other one has the correction as soon as it can be written.
 */
import type { Appended, AuditLog } from './audit-log.js';

type Outcome = Appended | 'lost';

export class PairedLog implements AuditLog {
  readonly #logs: readonly [AuditLog, AuditLog];

  constructor(one: AuditLog, other: AuditLog) {
    this.#logs = [one, other];
  }

  async append(line: string, isWanted?: () => boolean): Promise<Appended> {
    let reason: unknown;
    const lost = (error: unknown): Outcome => {
      reason = error;
      return 'lost';
    };
    const [one, other] = this.#logs;
    const written = one.append(line, isWanted).catch(lost);
    const outcomes: readonly Outcome[] = [await other.append(line, isWanted).catch(lost), await written];
    if (outcomes.every((outcome) => outcome === 'lost')) throw reason;
    if (outcomes.includes('lost') || outcomes.includes('partly')) return 'partly';
    // A line that is only in one of them is not to stand.
    return outcomes.includes('withdrawn') ? 'withdrawn' : 'written';
  }

  correct(line: string): void {
    for (const log of this.#logs) log.correct(line);
  }

  reopen(): void {
    for (const log of this.#logs) log.reopen();
  }

  fault(): string | undefined {
    const [one, other] = this.#logs;
    return one.fault() ?? other.fault();
  }

  /** Closes both, also where one of them fails, which is thrown then. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(this.#logs.map((log) => log.close()));
    for (const result of closed) if (result.status === 'rejected') throw result.reason;
  }
}
