/** What report-only lets pass now, told wherever somebody looks: readiness, `/status` (and so the page), and a metric that ends with it. */
import { Gauge, type Registry } from 'prom-client';
import { isInForce } from '../verify/report-only/tolerance.js';
import type { ReportOnlyEntry, Snapshot } from '../verify/snapshot.js';
import type { HealthComponent } from './health.js';

/** The entries in force at a moment, Unix milliseconds. */
export function entriesInForce({ reportOnly = [] }: Snapshot, nowMs: number): readonly ReportOnlyEntry[] {
  return reportOnly.filter((entry) => isInForce(entry, nowMs));
}

/** One entry for people and for `/status`. */
export function describeEntry({
  untilMs,
  reason,
  policies,
  identities,
  checks,
}: ReportOnlyEntry): Readonly<Record<string, unknown>> {
  return {
    until: new Date(untilMs).toISOString(),
    reason,
    checks: [...checks],
    // JSON leaves them out where the entry is for all.
    policies: policies && [...policies],
    identities: identities && [...identities],
  };
}

/** Serves, and says what it does not enforce. */
export function reportOnlyHealth(snapshot: () => Snapshot, nowMs: () => number): HealthComponent {
  return {
    name: 'report_only',
    fault: () => undefined,
    note: () => {
      const [first, ...others] = entriesInForce(snapshot(), nowMs());
      if (first === undefined) return undefined;
      const more = others.length === 0 ? '' : `, and ${others.length} more entries`;
      return `not enforced until ${new Date(first.untilMs).toISOString()}: ${[...first.checks].join(', ')} (${first.reason})${more}; see /status`;
    },
  };
}

/** A sample for each entry, gone as soon as it has ended. */
export function addReportOnlyGauge(registry: Registry, snapshot: () => Snapshot, nowMs: () => number): void {
  new Gauge({
    name: 'countersign_report_only_until_seconds',
    help: 'When an entry of reportOnly ends, Unix seconds; no sample where everything is enforced.',
    labelNames: ['entry', 'reason'],
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.reset();
      entriesInForce(snapshot(), nowMs()).forEach(({ reason, untilMs }, entry) =>
        this.set({ entry: String(entry), reason }, untilMs / 1000),
      );
    },
  });
}
