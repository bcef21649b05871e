import { Registry } from 'prom-client';
import type { HolderStatus } from '../../../src/audit/holders/holder-status.js';
import {
  addHolderMetrics,
  describeHolders,
  holdersNote,
} from '../../../src/observability/audit-holders-view.js';

const holder = (over: Partial<HolderStatus> = {}): HolderStatus => ({
  name: 's3.example/audit/',
  size: 100,
  lagSeconds: 0,
  fault: undefined,
  isConflict: false,
  ...over,
});

const behind = holder({ name: 'two', size: 40, lagSeconds: 61.4, fault: 'refuses connections' });
const forked = holder({
  name: 'three',
  size: 0,
  fault: 'has cosigned another tree of 40 records',
  isConflict: true,
});

async function metricsOf(companions: Record<string, unknown>): Promise<string[]> {
  const registry = new Registry();
  addHolderMetrics(registry, () => companions);
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('each holder has its figures, a witness by its name', async () => {
  expect(await metricsOf({ mirror: holder(), witnesses: [behind, forked] })).toEqual([
    'countersign_audit_mirror_size 100',
    'countersign_audit_witness_size{witness="two"} 40',
    'countersign_audit_witness_size{witness="three"} 0',
    'countersign_audit_mirror_lag_seconds 0',
    'countersign_audit_witness_lag_seconds{witness="two"} 61.4',
    'countersign_audit_witness_lag_seconds{witness="three"} 0',
    'countersign_audit_mirror_healthy 1',
    'countersign_audit_witness_healthy{witness="two"} 0',
    'countersign_audit_witness_healthy{witness="three"} 0',
    'countersign_audit_mirror_conflict 0',
    'countersign_audit_witness_conflict{witness="two"} 0',
    'countersign_audit_witness_conflict{witness="three"} 1',
  ]);
});

const collector = { ...holder({ name: 'otel.example:4318', size: 90, lagSeconds: 12 }), rejected: 2 };

test('a collector has figures, and the count of what it refused for good; it cannot contradict', async () => {
  expect(await metricsOf({ otlp: collector })).toEqual([
    'countersign_audit_collector_size 90',
    'countersign_audit_collector_lag_seconds 12',
    'countersign_audit_collector_healthy 1',
    'countersign_audit_collector_rejected_total 2',
  ]);
  expect(describeHolders({ otlp: collector })).toEqual({
    collector: { name: 'otel.example:4318', size: 90, lag_seconds: 12, fault: null, rejected: 2 },
  });
});

test('what is not configured has no figures', async () => {
  expect(await metricsOf({})).toEqual([]);
  expect(describeHolders({})).toEqual({});
  expect(holdersNote({})).toBeUndefined();
});

test('the facts of the status', () => {
  expect(describeHolders({ mirror: holder(), witnesses: [behind] })).toEqual({
    mirror: { name: 's3.example/audit/', size: 100, lag_seconds: 0, fault: null, conflict: false },
    witnesses: [{ name: 'two', size: 40, lag_seconds: 61, fault: 'refuses connections', conflict: false }],
  });
});

test.each<[string, Record<string, unknown>, string | undefined]>([
  ['nothing while all is well', { mirror: holder(), witnesses: [holder({ name: 'one' })] }, undefined],
  ['nothing of a short lag', { mirror: holder({ lagSeconds: 20 }) }, undefined],
  ['a long lag', { mirror: holder({ lagSeconds: 301 }) }, 'the mirror s3.example/audit/ is 301 s behind'],
  ['a fault', { witnesses: [behind] }, 'the witness two is 61 s behind: it refuses connections'],
  [
    'a conflict before all else',
    { mirror: holder({ fault: 'is away' }), witnesses: [behind, forked] },
    'the witness three contradicts the audit log: it has cosigned another tree of 40 records',
  ],
  [
    'a collector that is away',
    { otlp: { ...collector, fault: 'answers with status 503' } },
    'the collector otel.example:4318 is 12 s behind: it answers with status 503',
  ],
  [
    'a collector that is late',
    { otlp: { ...collector, lagSeconds: 400 } },
    'the collector otel.example:4318 is 400 s behind',
  ],
  [
    'what could not be started',
    { mirror: { fault: 'cannot be started: the package aws4fetch is not installed' } },
    'the mirror cannot be started: the package aws4fetch is not installed',
  ],
])('the note tells %s', (_title, companions, note) => {
  expect(holdersNote(companions)).toBe(note);
});
