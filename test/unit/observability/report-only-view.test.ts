/** Report-only as readiness, `/status` and the metrics tell it: while an entry lasts, and not in the moment of its end. */
import { Registry } from 'prom-client';
import { Health } from '../../../src/observability/health.js';
import {
  addReportOnlyGauge,
  describeEntry,
  entriesInForce,
  reportOnlyHealth,
} from '../../../src/observability/report-only-view.js';
import type { ReportOnlyEntry } from '../../../src/verify/snapshot.js';
import { entry } from '../../support/report-only.js';
import { makeSnapshot, NOW_MS } from '../../support/snapshots.js';

const END_MS = NOW_MS + 60_000;
const END = new Date(END_MS).toISOString();
const FIRST = entry(['header_missing', 'pin_mismatch'], { untilMs: END_MS, reason: 'producers learn' });
const SECOND = entry(['content_type'], { untilMs: END_MS + 1_000, reason: 'another "reason"' });

let nowMs = NOW_MS;
const now = (): number => nowMs;
beforeEach(() => (nowMs = NOW_MS));

const reporting = (...reportOnly: readonly ReportOnlyEntry[]) => makeSnapshot({ reportOnly });

describe('the entries in force', () => {
  it('are none where none is configured', () => {
    expect(entriesInForce(makeSnapshot(), NOW_MS)).toEqual([]);
  });

  it('are those whose end is still to come', () => {
    const snapshot = reporting(FIRST, SECOND);
    expect(entriesInForce(snapshot, END_MS - 1)).toEqual([FIRST, SECOND]);
    expect(entriesInForce(snapshot, END_MS)).toEqual([SECOND]);
    expect(entriesInForce(snapshot, END_MS + 1_000)).toEqual([]);
  });
});

describe('an entry', () => {
  it('that is for all names no policy and no identity', () => {
    const told = JSON.parse(JSON.stringify(describeEntry(FIRST))) as object;
    expect(told).toEqual({
      until: END,
      reason: 'producers learn',
      checks: ['header_missing', 'pin_mismatch'],
    });
  });

  it('names those that it is for', () => {
    const scope = { policies: new Set(['telemetry']), identities: new Set(['producer-a', 'producer-b']) };
    expect(describeEntry({ ...FIRST, ...scope })).toMatchObject({
      policies: ['telemetry'],
      identities: ['producer-a', 'producer-b'],
    });
  });
});

describe('readiness', () => {
  const noteOf = (...entries: readonly ReportOnlyEntry[]): string | undefined => {
    const health = new Health([reportOnlyHealth(() => reporting(...entries), now)]);
    const [state] = health.states();
    expect(state).toMatchObject({ name: 'report_only', fault: undefined });
    return state?.note;
  };

  it('has nothing to say where everything is enforced', () => {
    expect(noteOf()).toBeUndefined();
  });

  it('says until when what is not enforced, and why, and serves', () => {
    expect(noteOf(FIRST)).toBe(
      `not enforced until ${END}: header_missing, pin_mismatch (producers learn); see /status`,
    );
  });

  it('counts the others, and forgets what has ended', () => {
    expect(noteOf(FIRST, SECOND)).toContain('(producers learn), and 1 more entries');
    nowMs = END_MS;
    expect(noteOf(FIRST, SECOND)).toContain('content_type (another "reason"); see /status');
    nowMs = END_MS + 1_000;
    expect(noteOf(FIRST, SECOND)).toBeUndefined();
  });
});

describe('the metric', () => {
  it('has a sample for each entry, until it ends, and another one after a reload', async () => {
    let snapshot = reporting(FIRST, SECOND);
    const registry = new Registry();
    addReportOnlyGauge(registry, () => snapshot, now);
    const samples = async (): Promise<string[]> => {
      const lines = (await registry.metrics()).split('\n');
      return lines.filter((line) => line.startsWith('countersign_report_only_until_seconds'));
    };
    expect(await samples()).toEqual([
      `countersign_report_only_until_seconds{entry="0",reason="producers learn"} ${END_MS / 1000}`,
      `countersign_report_only_until_seconds{entry="1",reason="another \\"reason\\""} ${END_MS / 1000 + 1}`,
    ]);
    nowMs = END_MS;
    expect(await samples()).toHaveLength(1);
    snapshot = makeSnapshot();
    expect(await samples()).toEqual([]);
  });
});
