/** Tells log and audit log when an entry of `reportOnly` comes into force and when it ends, which happens without a reload. */
import type { Logger } from 'pino';
import { entriesInForce } from '../observability/report-only-view.js';
import type { ReportOnlyEntry, Snapshot } from '../verify/snapshot.js';
import type { LifeRecords } from './life-records.js';

interface Tools {
  readonly snapshot: () => Snapshot;
  readonly nowMs: () => number;
  readonly logger: Pick<Logger, 'warn'>;
  readonly life: Pick<LifeRecords, 'reportOnly'>;
}

const NONE: ReadonlyMap<string, ReportOnlyEntry> = new Map();

export class ReportOnlyReport {
  readonly #tools: Tools;
  #told = NONE;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** Called by a timer; only what has changed since the last look is told. */
  look(): void {
    const { snapshot, nowMs } = this.#tools;
    const entries = entriesInForce(snapshot(), nowMs());
    if (entries.length === 0 && this.#told.size === 0) return;
    const now = new Map(entries.map((entry) => [nameOf(entry), entry]));
    for (const [name, entry] of now) if (!this.#told.has(name)) this.#tell('report_only.began', entry);
    for (const [name, entry] of this.#told) if (!now.has(name)) this.#tell('report_only.ended', entry);
    this.#told = now;
  }

  #tell(event: 'report_only.began' | 'report_only.ended', entry: ReportOnlyEntry): void {
    const { reason, checks, untilMs } = entry;
    const until = new Date(untilMs).toISOString();
    const told = { reason, checks: [...checks], until };
    if (event === 'report_only.began')
      this.#tools.logger.warn(told, 'REPORT-ONLY: what is refused by these checks is let pass');
    else this.#tools.logger.warn(told, 'report-only has ended: these checks are enforced again');
    this.#tools.life.reportOnly(event, {
      ...told,
      policies: entry.policies && [...entry.policies],
      identities: entry.identities && [...entry.identities],
    });
  }
}

/** The same entry after a reload has the same name. */
function nameOf({ untilMs, reason, policies, identities, checks }: ReportOnlyEntry): string {
  return JSON.stringify([
    untilMs,
    reason,
    policies && [...policies],
    identities && [...identities],
    [...checks],
  ]);
}
