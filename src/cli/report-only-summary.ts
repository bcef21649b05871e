/** What `check-config` says of report-only: what is let pass, on what, for whom, why, and for how long. */
import { describeEntry, entriesInForce } from '../observability/report-only-view.js';
import type { ReportOnlyEntry, Snapshot } from '../verify/snapshot.js';
import { isoTime } from './text.js';

const DAY_MILLISECONDS = 24 * 3_600_000;

/** For JSON: the entries as `/status` has them, each with the days that are left of it. Empty: everything is enforced. */
export function reportOnlySummary(snapshot: Snapshot, nowMs: number): readonly object[] {
  return entriesInForce(snapshot, nowMs).map((entry) => ({
    ...describeEntry(entry),
    days_left: daysLeft(entry, nowMs),
  }));
}

/** The same as lines of text, without their ends. */
export function reportOnlyLines(snapshot: Snapshot, nowMs: number): string[] {
  return entriesInForce(snapshot, nowMs).map((entry) => {
    const { untilMs, reason, policies, identities, checks } = entry;
    const on = policies === undefined ? 'every signed policy' : [...policies].join(', ');
    const by = identities === undefined ? 'everybody' : [...identities].join(', ');
    const left = `${daysLeft(entry, nowMs)} days left`;
    return `report-only: until ${isoTime(untilMs)} (${left}): ${[...checks].join(', ')}: on ${on}, for ${by} — ${reason}`;
  });
}

/** In tenths, rounded down: what is said to be left is left. */
function daysLeft({ untilMs }: ReportOnlyEntry, nowMs: number): number {
  return Math.floor(((untilMs - nowMs) / DAY_MILLISECONDS) * 10) / 10;
}
