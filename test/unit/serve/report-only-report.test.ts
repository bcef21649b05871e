/** That an entry of report-only began and that it ended is told once each, whether a reload or the clock made it so. */
import { ReportOnlyReport } from '../../../src/serve/report-only-report.js';
import type { ReportOnlyEntry, Snapshot } from '../../../src/verify/snapshot.js';
import { entry } from '../../support/report-only.js';
import { makeSnapshot, NOW_MS } from '../../support/snapshots.js';

const END_MS = NOW_MS + 1_000;
const END = new Date(END_MS).toISOString();
const FIRST = entry(['pin_mismatch'], { untilMs: END_MS, reason: 'first' });
const SECOND = entry(['content_type'], {
  untilMs: END_MS + 1_000,
  reason: 'second',
  policies: new Set(['telemetry']),
  identities: new Set(['producer-a']),
});

let nowMs: number;
let snapshot: Snapshot;
let logged: string[];
let recorded: (readonly [event: string, entry: object])[];
let report: ReportOnlyReport;
beforeEach(() => {
  nowMs = NOW_MS;
  snapshot = makeSnapshot();
  logged = [];
  recorded = [];
  report = new ReportOnlyReport({
    snapshot: () => snapshot,
    nowMs: () => nowMs,
    logger: { warn: (_told: unknown, message?: unknown) => void logged.push(String(message)) } as never,
    life: { reportOnly: (event, told) => void recorded.push([event, told]) },
  });
});

function configure(...reportOnly: readonly ReportOnlyEntry[]): void {
  snapshot = makeSnapshot({ reportOnly });
  report.look();
}

const events = (): string[] =>
  recorded.map(([event, told]) => `${event} ${(told as ReportOnlyEntry).reason}`);

it('tells nothing where nothing is let pass', () => {
  report.look();
  configure();
  expect([logged, recorded]).toEqual([[], []]);
});

it('tells log and audit log what began, for whom and until when', () => {
  configure(SECOND);
  expect(logged).toEqual([expect.stringMatching(/^REPORT-ONLY: /)]);
  expect(recorded).toEqual([
    [
      'report_only.began',
      {
        reason: 'second',
        checks: ['content_type'],
        until: new Date(END_MS + 1_000).toISOString(),
        policies: ['telemetry'],
        identities: ['producer-a'],
      },
    ],
  ]);
});

it('tells it once, however often it looks, and whatever else a reload changes', () => {
  configure(FIRST, SECOND);
  report.look();
  configure(SECOND, { ...FIRST, checks: new Set(FIRST.checks) });
  expect(events()).toEqual(['report_only.began first', 'report_only.began second']);
});

it('tells the end by the clock, of each by itself', () => {
  configure(FIRST, SECOND);
  nowMs = END_MS - 1;
  report.look();
  expect(recorded).toHaveLength(2);
  nowMs = END_MS;
  report.look();
  report.look();
  expect(recorded[2]).toEqual([
    'report_only.ended',
    { reason: 'first', checks: ['pin_mismatch'], until: END, policies: undefined, identities: undefined },
  ]);
  nowMs = END_MS + 1_000;
  report.look();
  expect(events().slice(2)).toEqual(['report_only.ended first', 'report_only.ended second']);
  expect(logged.filter((line) => line.includes('enforced again'))).toHaveLength(2);
});

it('tells of an entry that a reload takes out, or gives more time', () => {
  configure(FIRST, SECOND);
  configure({ ...FIRST, untilMs: END_MS + 5_000 });
  expect(events().slice(2)).toEqual([
    'report_only.began first',
    'report_only.ended first',
    'report_only.ended second',
  ]);
});

it('tells nothing of an entry that had ended before it was looked at', () => {
  nowMs = END_MS;
  configure(FIRST);
  expect(recorded).toEqual([]);
});
