/** How the audit log stands, as metrics, as facts and as a note. */
import { Registry } from 'prom-client';
import type { SequencerStatus } from '../../../src/audit/log/sequencer.js';
import {
  addAuditLogMetrics,
  auditLogHealth,
  auditLogNote,
  describeAuditLog,
} from '../../../src/observability/audit-log-view.js';

const NOW_MS = Date.parse('2026-11-28T12:00:00.000Z');

function look(changes: Partial<SequencerStatus> = {}) {
  const status: SequencerStatus = {
    origin: 'log.example',
    size: 700,
    checkpointAtMs: NOW_MS - 2_500,
    unsealedBytes: 0,
    unsealedSinceMs: undefined,
    minimumIndex: 256,
    losses: 1,
    fault: undefined,
    companions: {
      mirror: { name: 'bucket', size: 512, lagSeconds: 1, fault: undefined, isConflict: false },
    },
    ...changes,
  };
  return { status: () => status, nowMs: () => NOW_MS };
}

test('the metrics', async () => {
  const registry = new Registry();
  addAuditLogMetrics(registry, look({ unsealedBytes: 99, unsealedSinceMs: NOW_MS - 400 }));
  const text = await registry.metrics();
  for (const line of [
    'size 700',
    'checkpoint_age_seconds 2.5',
    'unsealed_bytes 99',
    'unsealed_seconds 0.4',
    'minimum_index 256',
    'healthy 1',
    'losses_total 1',
  ])
    expect(text).toContain(`\ncountersign_audit_log_${line}\n`);
});

test('the facts, those of a mirror among them', () => {
  expect(describeAuditLog(look())).toEqual({
    origin: 'log.example',
    size: 700,
    minimum_index: 256,
    checkpoint_at: '2026-11-28T11:59:57.500Z',
    checkpoint_age_seconds: 2.5,
    unsealed_bytes: 0,
    unsealed_seconds: 0,
    losses: 1,
    fault: null,
    mirror: { name: 'bucket', size: 512, lag_seconds: 1, fault: null, conflict: false },
  });
});

test('nothing is negative when the clock was set back', () => {
  const { checkpoint_age_seconds: age } = describeAuditLog(look({ checkpointAtMs: NOW_MS + 60_000 }));
  expect(age).toBe(0);
});

test('a note only where somebody should look, and never a fault', () => {
  expect(auditLogNote(look({ unsealedSinceMs: NOW_MS - 2_000 }))).toBeUndefined();
  expect(auditLogNote(look({ unsealedSinceMs: NOW_MS - 11_000 }))).toBe(
    'records have waited 11 s to be sealed',
  );
  const health = auditLogHealth(look({ fault: 'the disk is full' }));
  expect([health.fault(), health.note?.()]).toEqual([
    undefined,
    'records are kept and cannot be sealed: the disk is full',
  ]);
});
